// Package cache holds bounded caches: of results that are valid until their tables change, and of what was used recently.
package cache

import "slices"

// maxKey is the size of the longest key that a Cache keeps, in bytes.
const maxKey = 4 << 10

// overhead is roughly what an entry takes besides its key, in bytes.
const overhead = 128

// A Cache holds results of statements. Its key is the statement with its bound values. A result is valid while the
// generations of all tables that the statement reads stay the same. A Cache is bounded, and safe for concurrent use.
type Cache[V any] struct {
	results *Recent[string, result[V]]
}

type result[V any] struct {
	generations []int64
	value       V
}

// New returns a cache of about size bytes.
func New[V any](size int) *Cache[V] {
	weigh := func(key string, _ result[V]) int { return len(key) + overhead }
	return &Cache[V]{NewRecent(size, weigh)}
}

// Get returns the result for a key in these generations. They must be those of the snapshot that the caller would run the
// statement in, in the same order as for Put. In other generations, older ones included, the statement has another result.
func (c *Cache[V]) Get(key []byte, generations []int64) (v V, ok bool) {
	r, old, ok := c.results.look(func(m map[string]result[V]) (result[V], bool) { r, ok := m[string(key)]; return r, ok })
	if !ok || !slices.Equal(r.generations, generations) {
		return v, false
	}
	if old {
		c.results.Put(string(key), r)
	}
	return r.value, true
}

// Put stores the result for a key. It keeps neither slice.
func (c *Cache[V]) Put(key []byte, generations []int64, v V) {
	if len(key) <= maxKey {
		c.results.Put(string(key), result[V]{slices.Clone(generations), v})
	}
}
