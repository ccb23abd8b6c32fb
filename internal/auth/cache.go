package auth

import (
	"crypto/sha256"
	"sync"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// known is what is remembered of a verified token. The token itself is not kept.
type known struct {
	who    caller.Caller
	expiry int64 // seconds since 1970
}

// cache remembers about the last size tokens that were used. It has two halves: when the young one is full, it becomes
// the old one, and what was not used since is gone. A hit among the young, the common case, takes only a read lock.
type cache struct {
	half int

	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]known
}

func newCache(size int) *cache {
	return &cache{half: max(1, size/2), young: map[[sha256.Size]byte]known{}}
}

// cacheKey hashes a token of at most maxToken bytes, by way of the stack: a conversion to []byte would allocate. The room
// that most tokens need is cleared faster.
func cacheKey(token string) [sha256.Size]byte {
	if len(token) <= maxToken/8 {
		var room [maxToken / 8]byte
		return sha256.Sum256(room[:copy(room[:], token)])
	}
	var room [maxToken]byte
	return sha256.Sum256(room[:copy(room[:], token)])
}

func (c *cache) get(key [sha256.Size]byte) (known, bool) {
	c.mu.RLock()
	k, young := c.young[key]
	if young {
		c.mu.RUnlock()
		return k, true
	}
	k, ok := c.old[key]
	c.mu.RUnlock()
	if ok {
		c.put(key, k)
	}
	return k, ok
}

func (c *cache) put(key [sha256.Size]byte, k known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[key]; !ok && len(c.young) >= c.half {
		c.old, c.young = c.young, map[[sha256.Size]byte]known{}
	}
	c.young[key] = k
}

func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
