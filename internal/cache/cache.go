// Package cache remembers what statements came to, for as long as no table that they read has changed.
package cache

import (
	"slices"
	"sync"
)

// maxKey bounds one key, in bytes: what is longer is not remembered.
const maxKey = 4 << 10

// overhead is about what an entry takes beside its key, in bytes.
const overhead = 128

// Cache remembers results by statement and bound values, as one key, and by the generations of the tables that the
// statement reads. It is bounded, and safe for concurrent use.
//
// It has two halves: when the young one is full, it becomes the old one, and what was not asked for since is gone. A hit
// among the young, the common case, takes only a read lock.
type Cache[V any] struct {
	half int // bytes

	mu         sync.RWMutex
	young, old map[string]entry[V]
	used       int // bytes of young
}

type entry[V any] struct {
	generations []int64
	value       V
}

// New returns a cache of about size bytes.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{half: max(1, size/2), young: map[string]entry[V]{}}
}

// Get returns what the key came to in these generations. They must be those of the snapshot that the caller would run the
// statement in, in the order in which Put got them. Any other generation, an older one too, is another result.
func (c *Cache[V]) Get(key []byte, generations []int64) (v V, ok bool) {
	c.mu.RLock()
	e, young := c.young[string(key)]
	if !young {
		e, ok = c.old[string(key)]
	}
	c.mu.RUnlock()
	if (!young && !ok) || !slices.Equal(e.generations, generations) {
		return v, false
	}
	if !young {
		c.put(key, e)
	}
	return e.value, true
}

// Put remembers what the key came to. It keeps neither slice.
func (c *Cache[V]) Put(key []byte, generations []int64, v V) {
	if len(key) <= maxKey {
		c.put(key, entry[V]{slices.Clone(generations), v})
	}
}

func (c *Cache[V]) put(key []byte, e entry[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.young[string(key)]; !known {
		size := len(key) + overhead
		if c.used+size > c.half && len(c.young) > 0 {
			c.old, c.young, c.used = c.young, map[string]entry[V]{}, 0
		}
		c.used += size
	}
	c.young[string(key)] = e
}
