package token

import (
	"crypto/sha256"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// verified is the remembered part of a verified token, without the token itself.
type verified struct {
	who    caller.Caller
	expiry int64   // seconds since 1970
	keys   *keySet // with one of which the token was verified
}

// tokenKey is the hash of a remembered token.
type tokenKey [sha256.Size]byte

// keyOf hashes a token of at most maxToken bytes. It copies the token to the stack, since a conversion to []byte
// would allocate. Most tokens fit into the smaller array, and clearing that is faster.
func keyOf(token string) tokenKey {
	if len(token) <= maxToken/8 {
		var room [maxToken / 8]byte
		return sha256.Sum256(room[:copy(room[:], token)])
	}
	var room [maxToken]byte
	return sha256.Sum256(room[:copy(room[:], token)])
}
