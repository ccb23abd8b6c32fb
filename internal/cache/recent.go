package cache

import (
	"sync"
	"sync/atomic"
)

// A Recent is a bounded map. It drops entries that nobody used lately. It is safe for concurrent use.
//
// It has a young and an old half. Put adds to the young half, and Get moves an entry of the old half to the young one.
// When the young half is full, Put drops the old half and the young half takes its place. A hit in the young half is the
// common case, and takes only a read lock.
type Recent[K comparable, V any] struct {
	half  int
	weigh func(K, V) int // size of an entry
	total atomic.Int64   // size of both halves

	mu                 sync.RWMutex
	young, old         map[K]entry[V]
	youngSize, oldSize int
}

type entry[V any] struct {
	value V
	size  int // when it was put
}

// NewRecent returns a Recent for entries with a total size of about size. weigh returns the size of one entry. If weigh is
// nil, each entry has the size 1.
func NewRecent[K comparable, V any](size int, weigh func(K, V) int) *Recent[K, V] {
	if weigh == nil {
		weigh = func(K, V) int { return 1 }
	}
	return &Recent[K, V]{half: max(1, size/2), weigh: weigh, young: map[K]entry[V]{}}
}

// Get returns the value of a key.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	value, old, ok := r.look(func(m map[K]entry[V]) (entry[V], bool) { found, ok := m[key]; return found, ok })
	if old {
		r.Put(key, value)
	}
	return value, ok
}

// GetBytes is Get for a key of bytes. It makes a string of the key only if it finds the value in the old half.
func GetBytes[V any](r *Recent[string, V], key []byte) (V, bool) {
	value, old, ok := r.look(func(m map[string]entry[V]) (entry[V], bool) { found, ok := m[string(key)]; return found, ok })
	if old {
		r.Put(string(key), value)
	}
	return value, ok
}

// look searches both halves with the given function. old is true if it found the value in the old half. The function
// indexes a map with its key, so a caller can index with string(bytes) without an allocation.
func (r *Recent[K, V]) look(index func(map[K]entry[V]) (entry[V], bool)) (value V, old, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if found, ok := index(r.young); ok {
		return found.value, false, true
	}
	found, ok := index(r.old)
	return found.value, ok, ok
}

// Put stores the value of a key. A known value is weighed again. An entry larger than a half is not kept.
func (r *Recent[K, V]) Put(key K, value V) {
	size := r.weigh(key, value)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.total.Store(int64(r.youngSize + r.oldSize)) }()
	r.remove(key)
	if size > r.half {
		return
	}
	if r.youngSize+size > r.half {
		r.old, r.oldSize = r.young, r.youngSize
		r.young, r.youngSize = map[K]entry[V]{}, 0
	}
	r.young[key] = entry[V]{value, size}
	r.youngSize += size
}

func (r *Recent[K, V]) remove(key K) {
	if known, ok := r.young[key]; ok {
		r.youngSize -= known.size
		delete(r.young, key)
	}
	if known, ok := r.old[key]; ok {
		r.oldSize -= known.size
		delete(r.old, key)
	}
}

// Len returns the number of entries.
func (r *Recent[K, V]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.young) + len(r.old)
}

// Size returns the size of all entries, each as of its last Put.
func (r *Recent[K, V]) Size() int { return int(r.total.Load()) }
