package password

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Supported names the formats of hashes that Verify reads, for messages.
const Supported = "argon2id, argon2i, bcrypt, scrypt and PBKDF2, in the PHC form or as passlib and Django write them"

var (
	errForm   = errors.New("not a readable hash of a password: supported are " + Supported)
	errBounds = errors.New("a hash of a password needs more memory or time than this server grants, or has unusable parameters")
)

// maxText bounds the bytes of a hash. Hashes of Hash have 97.
const maxText = 512

// formats maps the beginning of a hash to the function that reads it.
func formats() []format {
	return []format{
		{"$argon2id$", parseArgon2}, {"$argon2i$", parseArgon2},
		{"$2a$", parseBcrypt}, {"$2b$", parseBcrypt}, {"$2y$", parseBcrypt},
		{"$scrypt$", parseScrypt}, {"scrypt$", parseDjangoScrypt},
		{"$pbkdf2-sha256$", parsePBKDF2}, {"$pbkdf2-sha512$", parsePBKDF2}, {"$pbkdf2$", parsePBKDF2},
		{"pbkdf2_sha256$", parseDjangoPBKDF2}, {"pbkdf2_sha1$", parseDjangoPBKDF2},
		{"argon2$", parseDjangoOther}, {"bcrypt$", parseDjangoOther},
	}
}

type format struct {
	prefix string
	parse  func(string) (hash, error)
}

// CheckHash returns an error if Verify could not read a hash of another system. The error holds nothing of the hash.
func CheckHash(text string) error {
	_, err := parse(text)
	return err
}

// parse reads a stored hash. Its errors hold nothing of the hash.
func parse(text string) (hash, error) {
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") { // base64 skips line ends
		return nil, errForm
	}
	for _, f := range formats() {
		if strings.HasPrefix(text, f.prefix) {
			return f.parse(text)
		}
	}
	return nil, errForm
}

// parseDjangoOther reads hashes to which Django adds the name of its hasher and a dollar sign.
func parseDjangoOther(text string) (hash, error) {
	name, rest, _ := strings.Cut(text, "$")
	if name == "bcrypt" {
		return parseBcrypt(rest)
	}
	if rest = "$" + rest; strings.HasPrefix(rest, "$argon2id$") || strings.HasPrefix(rest, "$argon2i$") {
		return parseArgon2(rest)
	}
	return nil, errForm
}

// numbers reads parameters such as m=1,t=2,p=3, which have to come in the given order.
func numbers(text string, names ...string) ([]int, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, errForm
	}
	found := make([]int, len(parts))
	for i, part := range parts {
		digits, ok := strings.CutPrefix(part, names[i]+"=")
		if !ok {
			return nil, errForm
		}
		var err error
		if found[i], err = number(digits); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// number reads a number from 1 to 16,777,216.
func number(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != digits {
		return 0, errForm
	}
	if n == 0 || n > 1<<24 {
		return 0, errBounds
	}
	return int(n), nil
}

// Spellings of base64.
var (
	unpadded = base64.RawStdEncoding.Strict()
	padded   = base64.StdEncoding.Strict()
)

// Sizes of imported keys in bytes. A shorter key would fit too many passwords.
const (
	minKey = 16
	maxKey = 128
)

func saltAndKey(encoding *base64.Encoding, saltText, keyText string) (salt, key []byte, err error) {
	salt, err = encoding.DecodeString(saltText)
	if err != nil {
		return nil, nil, errForm
	}
	key, err = encoding.DecodeString(keyText)
	if err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, nil, errForm
	}
	return salt, key, nil
}
