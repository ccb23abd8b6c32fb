package totp

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Codes is the number of recovery codes of an account.
const Codes = 10

// A recovery code has 24 letters of 5 bits, in groups. So its hash may be a fast one (ASVS 5.0, 6.5.2).
const (
	codeLetters = 24
	groupSize   = 4
	alphabet    = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's: no i, l, o and u
)

// Purpose is the label for the key of Recovery, for token.Keys.Derive.
const Purpose = "recovery codes"

// Recovery makes and reads recovery codes. Their hashes need its key, so a copy of the database is not enough to guess them.
type Recovery struct{ key [32]byte }

// NewRecovery returns a Recovery with a key that nothing else uses.
func NewRecovery(key [32]byte) *Recovery { return &Recovery{key} }

// Format prints REDACTED, never the key.
func (*Recovery) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// A Hash is what the database keeps of a recovery code.
type Hash [sha256.Size]byte

// Make returns new codes for an account, such as 7k2m-xq9d-03fw-…, and their hashes in the same order.
func (r *Recovery) Make(account string) (codes [Codes]string, hashes [Codes]Hash) {
	for i := range codes {
		letters := make([]byte, codeLetters)
		_, _ = rand.Read(letters)
		for j, b := range letters {
			letters[j] = alphabet[b%32]
		}
		hashes[i] = r.hash(account, string(letters))
		codes[i] = grouped(letters)
	}
	return codes, hashes
}

// grouped joins groups of letters with hyphens.
func grouped(letters []byte) string {
	return string(bytes.Join(slices.Collect(slices.Chunk(letters, groupSize)), []byte("-")))
}

// Hash returns the hash of a code that somebody typed, or false if the text cannot be a code. Case, spaces and hyphens do
// not count. The letters o, i and l are read as the digits that they look like.
func (r *Recovery) Hash(account, typed string) (Hash, bool) {
	var letters strings.Builder
	for _, c := range []byte(strings.ToLower(typed)) {
		switch c {
		case ' ', '-':
			continue
		case 'o':
			c = '0'
		case 'i', 'l':
			c = '1'
		}
		if strings.IndexByte(alphabet, c) < 0 || letters.Len() == codeLetters {
			return Hash{}, false
		}
		letters.WriteByte(c)
	}
	if letters.Len() != codeLetters {
		return Hash{}, false
	}
	return r.hash(account, letters.String()), true
}

// hash binds a code to its account, so a row that is moved to another account is worth nothing there.
func (r *Recovery) hash(account, letters string) Hash {
	mac := hmac.New(sha256.New, r.key[:])
	_, _ = io.WriteString(mac, letters+account) // the letters have a fixed length
	return Hash(mac.Sum(nil))
}
