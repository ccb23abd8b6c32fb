// Package cache holds bounded caches: of results by keys of bytes, and of recently used values.
package cache

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

const (
	maxKey   = 4 << 10 // size of the longest key, in bytes; Put ignores longer ones
	overhead = 320     // rough size of an entry without its key and its value, in bytes
	leastOne = 32      // a value may take this share of a Cache: one of 32
)

// A Cache holds values by keys of bytes, bounded by their size. It drops the values that are asked for least, by
// frequency and age (W-TinyLFU). So a value that is asked for once does not push out a popular one. It is safe for
// concurrent use.
type Cache[V comparable] struct {
	items   *otter.Cache[uint64, *item[V]]
	seed    maphash.Seed
	weigh   func(V) int
	largest int             // bytes that one entry may take
	counts  func(V) *Counts // nil: nothing is counted
}

// Counts are counts of some values of a cache.
type Counts struct {
	Bytes, Entries atomic.Int64
	Evicted        atomic.Int64 // values that were dropped, or never let in, for others that are asked for more
}

// item is an entry. The cache finds it by a hash of its key, and then compares the key: a look-up needs no string, and two
// keys of one hash take turns.
type item[V comparable] struct {
	key   string
	value V
	size  int
}

// New returns a cache of about size bytes. weigh returns the size of a value.
func New[V comparable](size int, weigh func(V) int) *Cache[V] { return NewCounted(size, weigh, nil) }

// NewCounted is New for a cache whose values are counted. counts returns where a value counts, always the same for one value.
func NewCounted[V comparable](size int, weigh func(V) int, counts func(V) *Counts) *Cache[V] {
	c := &Cache[V]{seed: maphash.MakeSeed(), weigh: weigh, largest: max(size/leastOne, maxKey), counts: counts}
	options := &otter.Options[uint64, *item[V]]{
		MaximumWeight: uint64(max(size, 1)),
		Weigher:       func(_ uint64, i *item[V]) uint32 { return uint32(i.size) },
		Executor:      func(work func()) { work() }, // a goroutine for each would cost more than the work
	}
	if counts != nil {
		options.OnAtomicDeletion = func(e otter.DeletionEvent[uint64, *item[V]]) { c.dropped(e.Value, e.WasEvicted()) }
	}
	c.items = otter.Must(options)
	return c
}

// dropped counts an entry that has left the cache. The caller holds a lock of the cache.
func (c *Cache[V]) dropped(i *item[V], evicted bool) {
	n := c.counts(i.value)
	n.Bytes.Add(-int64(i.size))
	n.Entries.Add(-1)
	if evicted {
		n.Evicted.Add(1)
	}
}

// Get returns the value of a key.
func (c *Cache[V]) Get(key []byte) (value V, ok bool) {
	found, ok := c.items.GetIfPresent(maphash.Bytes(c.seed, key))
	if !ok || found.key != string(key) {
		return value, false
	}
	return found.value, true
}

// Put stores the value of a key, in place of an earlier one. It copies the key. It ignores a value that would take more than
// a small part of the cache, and then reports false.
func (c *Cache[V]) Put(key []byte, value V) bool {
	size := len(key) + c.weigh(value) + overhead
	if len(key) > maxKey || size > c.largest {
		return false
	}
	c.items.Set(maphash.Bytes(c.seed, key), c.added(&item[V]{string(key), value, size}))
	return true
}

// added counts an entry that is about to come: before it does, since it may leave at once. dropped counts the one that it
// replaces.
func (c *Cache[V]) added(i *item[V]) *item[V] {
	if c.counts != nil {
		n := c.counts(i.value)
		n.Bytes.Add(int64(i.size))
		n.Entries.Add(1)
	}
	return i
}

// Grew weighs the value of a key again, because it has grown. It ignores a value that the cache has dropped or replaced.
func (c *Cache[V]) Grew(key []byte, value V) {
	c.items.ComputeIfPresent(maphash.Bytes(c.seed, key), func(known *item[V]) (*item[V], otter.ComputeOp) {
		if known.value != value || known.key != string(key) {
			return nil, otter.CancelOp
		}
		return c.added(&item[V]{known.key, value, len(key) + c.weigh(value) + overhead}), otter.WriteOp
	})
}

// Fits reports whether Put would keep a value of that many bytes under a key.
func (c *Cache[V]) Fits(key []byte, bytes int) bool {
	return len(key) <= maxKey && len(key)+bytes+overhead <= c.largest
}

// Size returns the size of all entries, in bytes.
func (c *Cache[V]) Size() int64 { return int64(c.items.WeightedSize()) }

// Most returns the bytes that all entries may take.
func (c *Cache[V]) Most() int64 { return int64(c.items.GetMaximum()) }
