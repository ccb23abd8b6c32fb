package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"math/bits"
	"strings"
)

// Decoy returns a hash that costs what another one costs, and is of no password: the same algorithm with the same parameters. So
// an attacker who signs in to an account that is not there waits as for one that is. It returns "" for a hash as Hash makes them
// now, since that is what Verify does without a hash, and for one that Verify cannot read.
func (h *Hasher) Decoy(phc string) string {
	stored, err := parse(phc)
	if err != nil || h.isCurrent(stored) {
		return ""
	}
	return stored.decoy()
}

func (h argon2Hash) decoy() string {
	h.salt, h.key = make([]byte, saltSize), make([]byte, len(h.key))
	return h.String()
}

func (h bcryptHash) decoy() string {
	const setting = len("$2b$10$")
	return string(h.text[:setting]) + strings.Repeat(".", bcryptSize-setting)
}

func (h scryptHash) decoy() string {
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.Len(uint(h.cost))-1, h.block, h.lanes, zeros(saltSize), zeros(len(h.key)))
}

func (h pbkdf2Hash) decoy() string {
	names := map[int]string{sha1.Size: "pbkdf2", sha256.Size: "pbkdf2-sha256", sha512.Size: "pbkdf2-sha512"}
	return fmt.Sprintf("$%s$%d$%s$%s", names[h.digest().Size()], h.iterations, zeros(saltSize), zeros(len(h.key)))
}

// zeros returns bytes of zero in base64.
func zeros(size int) string { return unpadded.EncodeToString(make([]byte, size)) }
