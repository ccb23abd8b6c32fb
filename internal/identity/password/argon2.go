package password

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Sizes of new hashes in bytes.
const (
	saltSize = 16
	keySize  = 32
)

// variant is a variant of argon2.
type variant string

const (
	variantID variant = "argon2id"
	variantI  variant = "argon2i"
)

type argon2Params struct {
	variant variant
	memory  uint32 // KiB
	passes  uint32
	lanes   uint8
}

type argon2Hash struct {
	argon2Params
	salt, key []byte
}

// Bounds on imported parameters. A pass over 1 GiB takes about a second.
const (
	maxMemory = 256 << 20 // bytes that a hash may need
	maxPasses = 256       // of argon2
	maxPassed = 1 << 20   // KiB × passes of argon2
	maxLanes  = 16
)

func (h argon2Hash) verify(password []byte, m *memory) bool {
	return equal(m.derive(h, password, len(h.key)), h.key)
}

// String returns the PHC form: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (h argon2Hash) String() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.variant, argon2.Version, h.memory, h.passes, h.lanes,
		unpadded.EncodeToString(h.salt), unpadded.EncodeToString(h.key))
}

// parseArgon2 reads the PHC form.
func parseArgon2(text string) (hash, error) {
	parts := strings.Split(text, "$") // the first is empty
	if len(parts) != 6 || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, errForm
	}
	found, err := numbers(parts[3], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	memory, passes, lanes := found[0], found[1], found[2]
	if lanes > maxLanes || memory < 8*lanes || memory > maxMemory>>10 {
		return nil, errBounds
	}
	if passes > maxPasses || memory*passes > maxPassed {
		return nil, errBounds
	}
	salt, key, err := saltAndKey(unpadded, parts[4], parts[5])
	if err != nil {
		return nil, err
	}
	params := argon2Params{variant: variant(parts[1]), memory: uint32(memory), passes: uint32(passes), lanes: uint8(lanes)}
	return argon2Hash{argon2Params: params, salt: salt, key: key}, nil
}
