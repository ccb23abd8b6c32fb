// Package apikey makes API keys and reads their text.
//
// A key is ashl_ID_SECRET_CHECKSUM. The prefix lets scanners find keys in public code. The checksum refuses typing errors
// without a look-up. The server stores the SHA-256 hash of the text: a secret of 256 bits needs no slow hash.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/google/uuid"
)

const (
	prefix     = "ashl_"
	idSize     = 16 // bytes: a UUID
	secretSize = 32 // bytes
)

// Positions in the text.
const (
	idStart       = len(prefix)
	idEnd         = idStart + (idSize*8+4)/5
	secretStart   = idEnd + 1
	secretEnd     = secretStart + (secretSize*8+4)/5
	checksumStart = secretEnd + 1
)

// textSize is the length of every key in bytes.
const textSize = checksumStart + (32+4)/5

// letters is Crockford's base32 in lower case. It lacks the letters i, l, o and u.
var letters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// New makes a key. The id is a random UUID, so Prefix tells keys apart. Only the text holds the secret: show it once and
// store the hash.
func New() (text, id string, hash [sha256.Size]byte) {
	key, secret := uuid.New(), make([]byte, secretSize)
	_, _ = rand.Read(secret)
	text = write(key, secret)
	return text, key.String(), sha256.Sum256([]byte(text))
}

func write(id uuid.UUID, secret []byte) string {
	text := prefix + letters.EncodeToString(id[:]) + "_" + letters.EncodeToString(secret)
	checksum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))
	return text + "_" + letters.EncodeToString(checksum)
}

// errForm holds nothing of the text.
var errForm = errors.New("not an API key: it is misspelled or was cut")

// Parse returns the id and the hash of a key. Each key has one text, and Parse refuses all others. The key is good if its
// hash is the stored one: compare them in constant time.
func Parse(text string) (id string, hash [sha256.Size]byte, err error) {
	if len(text) != textSize || !IsKey(text) {
		return "", hash, errForm
	}
	key, err := letters.DecodeString(text[idStart:idEnd])
	if err != nil || len(key) != idSize {
		return "", hash, errForm
	}
	secret, err := letters.DecodeString(text[secretStart:secretEnd])
	if err != nil {
		return "", hash, errForm
	}
	if write(uuid.UUID(key), secret) != text { // the decoder skips line ends and the last bits
		return "", hash, errForm
	}
	return uuid.UUID(key).String(), sha256.Sum256([]byte(text)), nil
}

// IsKey reports whether a bearer token claims to be a key, rather than an access token.
func IsKey(token string) bool { return strings.HasPrefix(token, prefix) }

// shown is the number of letters of the id that Prefix shows.
const shown = 8

// Prefix returns the beginning of the key with an id, for lists: ashl_0f3k9d2m…. It panics if the id is no UUID.
func Prefix(id string) string {
	key := uuid.MustParse(id)
	return prefix + letters.EncodeToString(key[:])[:shown] + "…"
}
