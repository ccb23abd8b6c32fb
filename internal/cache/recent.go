package cache

import "sync"

// A Recent is a bounded map that forgets what was not used lately. It is safe for concurrent use.
//
// It has a young and an old half. When the young half is full it becomes the old one, and entries that were not used since
// the last time are gone. A hit in the young half, which is the common case, takes only a read lock.
type Recent[K comparable, V any] struct {
	half  int
	weigh func(K, V) int // size of an entry

	mu         sync.RWMutex
	young, old map[K]V
	used       int // size of young
}

// NewRecent returns a Recent that holds entries of about that size together. weigh returns the size of one entry; nil
// counts entries.
func NewRecent[K comparable, V any](size int, weigh func(K, V) int) *Recent[K, V] {
	if weigh == nil {
		weigh = func(K, V) int { return 1 }
	}
	return &Recent[K, V]{half: max(1, size/2), weigh: weigh, young: map[K]V{}}
}

// Get returns the value of a key.
func (r *Recent[K, V]) Get(key K) (V, bool) {
	v, old, ok := r.look(func(m map[K]V) (V, bool) { v, ok := m[key]; return v, ok })
	if old {
		r.Put(key, v)
	}
	return v, ok
}

// look searches both halves and says whether it found the value in the old one. Its argument indexes a map, so that a key
// of bytes need not become a string first.
func (r *Recent[K, V]) look(in func(map[K]V) (V, bool)) (v V, old, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if v, ok = in(r.young); ok {
		return v, false, true
	}
	v, ok = in(r.old)
	return v, ok, ok
}

// Put stores the value of a key.
func (r *Recent[K, V]) Put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.young[key]; !known {
		size := r.weigh(key, v)
		if r.used+size > r.half && len(r.young) > 0 {
			r.old, r.young, r.used = r.young, map[K]V{}, 0
		}
		r.used += size
	}
	r.young[key] = v
}

// Len returns the number of entries. An entry in both halves counts twice.
func (r *Recent[K, V]) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.young) + len(r.old)
}
