// Package cache holds bounded caches: of results, valid until their tables change, and of recently used values.
package cache

import "slices"

// maxKey is the size of the longest key in a Cache, in bytes. Put ignores longer keys.
const maxKey = 4 << 10

// overhead is the rough size of an entry without its key, in bytes.
const overhead = 128

// A Cache holds results of statements. Its key is the statement with its bound values. The statement reads some tables,
// and the result is valid while their generations stay the same. A Cache is bounded, and safe for concurrent use.
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

// Get returns the result for a key in the given generations. The caller takes them from the snapshot in which it would run
// the statement, in the same order for Get and Put. Older generations are different generations: Get finds nothing.
func (c *Cache[V]) Get(key []byte, generations []int64) (value V, ok bool) {
	found, ok := GetBytes(c.results, key)
	if !ok || !slices.Equal(found.generations, generations) {
		return value, false
	}
	return found.value, true
}

// Put stores the result for a key. It copies both slices.
func (c *Cache[V]) Put(key []byte, generations []int64, value V) {
	if len(key) <= maxKey {
		c.results.Put(string(key), result[V]{slices.Clone(generations), value})
	}
}
