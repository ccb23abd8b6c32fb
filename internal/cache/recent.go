package cache

import "sync"

// A Recent is a bounded map. It drops entries that nobody used lately. It is safe for concurrent use.
//
// It has a young and an old half. Put adds to the young half, and Get moves an entry of the old half to the young one.
// When the young half is full, Put drops the old half and the young half takes its place. A hit in the young half is the
// common case, and takes only a read lock.
type Recent[K comparable, V any] struct {
	half  int
	weigh func(K, V) int // size of an entry

	mu         sync.RWMutex
	young, old map[K]V
	used       int // total size of young
}

// NewRecent returns a Recent for entries with a total size of about size. weigh returns the size of one entry. If weigh is
// nil, each entry has the size 1.
func NewRecent[K comparable, V any](size int, weigh func(K, V) int) *Recent[K, V] {
	if weigh == nil {
		weigh = func(K, V) int { return 1 }
	}
	return &Recent[K, V]{half: max(1, size/2), weigh: weigh, young: map[K]V{}}
}

// Get returns the value of a key.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	value, old, ok := r.look(func(m map[K]V) (V, bool) { value, ok := m[key]; return value, ok })
	if old {
		r.Put(key, value)
	}
	return value, ok
}

// look searches both halves with the given function. old is true if it found the value in the old half. The function
// indexes a map with its key, so a caller can index with string(bytes) without an allocation.
func (r *Recent[K, V]) look(index func(map[K]V) (V, bool)) (value V, old, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if value, ok = index(r.young); ok {
		return value, false, true
	}
	value, ok = index(r.old)
	return value, ok, ok
}

// Put stores the value of a key.
func (r *Recent[K, V]) Put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.young[key]; !known {
		size := r.weigh(key, value)
		if r.used+size > r.half && len(r.young) > 0 {
			r.old, r.young, r.used = r.young, map[K]V{}, 0
		}
		r.used += size
	}
	r.young[key] = value
}

// Len returns the number of entries. An entry in both halves counts twice.
func (r *Recent[K, V]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.young) + len(r.old)
}
