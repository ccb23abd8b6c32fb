package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// A Refresh is the content of a refresh token.
type Refresh struct {
	Session string // a UUID in lower case
	Counter uint32 // at least 1
}

// The bytes of a token, in this order.
const (
	versionSize  = 1
	sessionSize  = 16
	counterSize  = 4
	macSize      = 16 // HMAC-SHA-256, cut to 128 bits
	checksumSize = 4  // CRC-32 of all bytes before

	macStart      = versionSize + sessionSize + counterSize
	checksumStart = macStart + macSize
	tokenSize     = checksumStart + checksumSize
)

const version = 1

// textSize is the length of every refresh token in bytes.
const textSize = (tokenSize*8 + 5) / 6

// Purpose is the label for the key of a Codec, for token.Keys.Derive.
const Purpose = "refresh tokens"

// A Codec reads and writes refresh tokens. It is safe for concurrent use.
type Codec struct{ key [32]byte }

// NewCodec returns a Codec with a key that nothing else uses.
func NewCodec(key [32]byte) *Codec { return &Codec{key} }

// Format prints REDACTED, never the key.
func (*Codec) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// Encode returns the text of a token. It panics if the session is no UUID or the counter is 0.
func (c *Codec) Encode(r Refresh) string {
	id, err := uuid.Parse(r.Session)
	if err != nil || r.Counter == 0 {
		panic("session: refresh token of session " + r.Session + " without a UUID or a counter")
	}
	token := make([]byte, 0, tokenSize)
	token = append(token, version)
	token = append(token, id[:]...)
	token = binary.BigEndian.AppendUint32(token, r.Counter)
	token = append(token, c.mac(token)...)
	token = binary.BigEndian.AppendUint32(token, crc32.ChecksumIEEE(token))
	return base64.RawURLEncoding.EncodeToString(token)
}

var (
	errForm = errors.New("not a refresh token")
	errTypo = errors.New("the refresh token has a typing error or was cut")
	errKey  = errors.New("the refresh token is of another server")
)

// Decode returns the content of a token. Each token has one text, and Decode refuses all others. It reads the checksum
// first, so a typing error costs no work with the key. Its errors hold nothing of the token.
func (c *Codec) Decode(text string) (Refresh, error) {
	if len(text) != textSize {
		return Refresh{}, errForm
	}
	// The decoder skips line ends. Such a text decodes to fewer bytes.
	token, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(token) != tokenSize {
		return Refresh{}, errForm
	}
	if crc32.ChecksumIEEE(token[:checksumStart]) != binary.BigEndian.Uint32(token[checksumStart:]) {
		return Refresh{}, errTypo
	}
	if token[0] != version {
		return Refresh{}, errForm
	}
	if !hmac.Equal(c.mac(token[:macStart]), token[macStart:checksumStart]) {
		return Refresh{}, errKey
	}
	return Refresh{
		Session: uuid.UUID(token[versionSize : versionSize+sessionSize]).String(),
		Counter: binary.BigEndian.Uint32(token[versionSize+sessionSize : macStart]),
	}, nil
}

func (c *Codec) mac(content []byte) []byte {
	h := hmac.New(sha256.New, c.key[:])
	h.Write(content)
	return h.Sum(nil)[:macSize]
}
