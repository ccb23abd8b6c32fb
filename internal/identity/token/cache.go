package token

import (
	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A verified token, which nobody changes.
type verified struct {
	who    caller.Caller
	expiry int64   // seconds since 1970
	keys   *keySet // with one of which the token was verified
}

// usualSize is about what a remembered token of usual length takes, in bytes.
const usualSize = 1 << 10

// memory remembers verified tokens by their text. To find one by a hash of 32 bytes would keep the tokens themselves out of
// memory. But the keys that could sign any token are there too, and the hash takes three quarters of the time of Verify.
type memory struct {
	known *cache.Recent[string, *verified]
}

// newMemory returns a memory for about so many tokens of usual length.
func newMemory(tokens int) memory {
	weigh := func(token string, _ *verified) int { return usualSize/2 + len(token) }
	return memory{cache.NewRecent(tokens*usualSize, weigh)}
}
