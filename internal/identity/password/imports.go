package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	stdhash "hash"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// Bounds on imported parameters, at about two seconds of work each.
const (
	maxBcryptCost = 15
	maxScryptLog  = 20
	maxScryptWork = 1 << 22 // N × r × p
	maxIterations = 5_000_000
)

type bcryptHash struct{ text []byte }

func (h bcryptHash) verify(password []byte, _ *memory) bool {
	return bcrypt.CompareHashAndPassword(h.text, password) == nil
}

// bcryptSize is the length of every bcrypt hash.
const bcryptSize = 60

func parseBcrypt(text string) (hash, error) {
	if len(text) != bcryptSize || !strings.HasPrefix(text, "$2") || strings.IndexByte("aby", text[2]) < 0 {
		return nil, errForm
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil {
		return nil, errForm
	}
	if cost > maxBcryptCost {
		return nil, errBounds
	}
	return bcryptHash{[]byte(text)}, nil
}

type scryptHash struct {
	cost, block, lanes int // N, r, p
	salt, key          []byte
}

func (h scryptHash) verify(password []byte, _ *memory) bool {
	key, err := scrypt.Key(password, h.salt, h.cost, h.block, h.lanes, len(h.key))
	return err == nil && equal(key, h.key)
}

// parseScrypt reads $scrypt$ln=16,r=8,p=1$salt$key, the form of PHC and passlib.
func parseScrypt(text string) (hash, error) {
	parts := strings.Split(text, "$") // the first is empty
	if len(parts) != 5 {
		return nil, errForm
	}
	found, err := numbers(parts[2], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	if found[0] > maxScryptLog {
		return nil, errBounds
	}
	salt, key, err := saltAndKey(unpadded, parts[3], parts[4])
	if err != nil {
		return nil, err
	}
	return scryptHash{1 << found[0], found[1], found[2], salt, key}.bounded()
}

// parseDjangoScrypt reads scrypt$N$salt$r$p$key. The salt is plain text.
func parseDjangoScrypt(text string) (hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return nil, errForm
	}
	found, err := numbers("N="+parts[1]+",r="+parts[3]+",p="+parts[4], "N", "r", "p")
	if err != nil {
		return nil, err
	}
	_, key, err := saltAndKey(padded, "", parts[5])
	if err != nil {
		return nil, err
	}
	return scryptHash{found[0], found[1], found[2], []byte(parts[2]), key}.bounded()
}

func (h scryptHash) bounded() (hash, error) {
	if h.cost > 1<<maxScryptLog || h.cost < 2 || h.cost&(h.cost-1) != 0 {
		return nil, errBounds
	}
	memory, work := int64(h.cost)*int64(h.block)*128, int64(h.cost)*int64(h.block)*int64(h.lanes)
	if memory > maxMemory || work > maxScryptWork {
		return nil, errBounds
	}
	return h, nil
}

type pbkdf2Hash struct {
	digest     func() stdhash.Hash
	iterations int
	salt, key  []byte
}

func (h pbkdf2Hash) verify(password []byte, _ *memory) bool {
	key, err := pbkdf2.Key(h.digest, string(password), h.salt, h.iterations, len(h.key))
	return err == nil && equal(key, h.key)
}

// parsePBKDF2 reads $pbkdf2-sha256$29000$salt$key, the form of passlib. Its base64 has a dot in place of the plus sign.
func parsePBKDF2(text string) (hash, error) {
	parts := strings.Split(text, "$") // the first is empty
	if len(parts) != 5 || strings.Contains(parts[3]+parts[4], "+") {
		return nil, errForm
	}
	salt, key, err := saltAndKey(unpadded, strings.ReplaceAll(parts[3], ".", "+"), strings.ReplaceAll(parts[4], ".", "+"))
	if err != nil {
		return nil, err
	}
	digest := sha256.New
	switch parts[1] {
	case "pbkdf2-sha512":
		digest = sha512.New
	case "pbkdf2":
		digest = sha1.New
	}
	return newPBKDF2(digest, parts[2], salt, key)
}

// parseDjangoPBKDF2 reads pbkdf2_sha256$iterations$salt$key. The salt is plain text.
func parseDjangoPBKDF2(text string) (hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 {
		return nil, errForm
	}
	_, key, err := saltAndKey(padded, "", parts[3])
	if err != nil {
		return nil, err
	}
	digest := sha256.New
	if parts[0] == "pbkdf2_sha1" {
		digest = sha1.New
	}
	return newPBKDF2(digest, parts[1], []byte(parts[2]), key)
}

func newPBKDF2(digest func() stdhash.Hash, iterations string, salt, key []byte) (hash, error) {
	n, err := number(iterations)
	if err != nil {
		return nil, err
	}
	blocks := (len(key) + digest().Size() - 1) / digest().Size()
	if n*blocks > maxIterations {
		return nil, errBounds
	}
	return pbkdf2Hash{digest, n, salt, key}, nil
}
