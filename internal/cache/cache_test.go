package cache

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"testing"
)

// number weighs values that take no memory of their own.
func number(int64) int { return 0 }

func TestCacheFindsWhatWasPut(t *testing.T) {
	cache := New(1<<20, number)
	key := []byte("k")
	if _, ok := cache.Get(key); ok {
		t.Error("an empty cache has a value")
	}
	cache.Put(key, 42)
	key[0] = 'x' // the cache must not keep the slice of its caller
	if got, ok := cache.Get([]byte("k")); !ok || got != 42 {
		t.Errorf("Get(k) = %d, %v, want 42", got, ok)
	}
	if got, ok := cache.Get(key); ok {
		t.Errorf("Get(x) = %d", got)
	}
	cache.Put([]byte("k"), 43)
	if got, ok := cache.Get([]byte("k")); !ok || got != 43 {
		t.Errorf("after another Put, Get = %d, %v", got, ok)
	}
}

// Two keys with one hash take turns: neither gets the value of the other.
func TestKeysOfOneHashAreToldApart(t *testing.T) {
	cache := New(1<<20, number)
	cache.Put([]byte("a"), 1)
	cache.items.Set(maphash.Bytes(cache.seed, []byte("b")), &item[int64]{"a", 1, overhead})
	if got, ok := cache.Get([]byte("b")); ok {
		t.Errorf("Get(b) = %d, which is the value of another key", got)
	}
}

func TestBound(t *testing.T) {
	const size = 64 << 10
	cache := New(size, number)
	for range 100 {
		cache.Get([]byte("key 0"))
	}
	cache.Put([]byte("key 0"), 0)
	for i := range 20_000 {
		cache.Put(fmt.Appendf(nil, "key %d", i+1), int64(i))
		cache.Get([]byte("key 0"))
	}
	if n := cache.Size(); n > size || n < size/4 {
		t.Errorf("it holds %d bytes, want at most %d and not much less", n, size)
	}
	if got, ok := cache.Get([]byte("key 0")); !ok || got != 0 {
		t.Errorf("a key in use was pushed out: %d, %v", got, ok)
	}
	long := make([]byte, maxKey+1)
	if cache.Put(long, 1) || cache.Fits(long, 0) {
		t.Error("a key beyond the bound was kept")
	}
	large := New(size, func(int64) int { return size / 2 })
	if large.Put([]byte("k"), 1) || large.Fits([]byte("k"), size/2) {
		t.Error("a value of half the cache was kept")
	}
}

// A value that grows counts with its new size, and is dropped like others. A value that is no longer kept changes nothing.
func TestGrownValues(t *testing.T) {
	const size = 64 << 10
	var extra sync.Map // by value
	cache := New(size, func(n int64) int {
		more, _ := extra.LoadOrStore(n, 0)
		return more.(int)
	})
	cache.Put([]byte("k"), 1)
	before := cache.Size()
	extra.Store(int64(1), 1000)
	cache.Grew([]byte("k"), 1)
	if got := cache.Size(); got != before+1000 {
		t.Errorf("it holds %d bytes after a value of %d grew by 1000", got, before)
	}
	cache.Put([]byte("k"), 2)
	cache.Grew([]byte("k"), 1)
	cache.Grew([]byte("other"), 1)
	if got, ok := cache.Get([]byte("k")); !ok || got != 2 || cache.Size() != before {
		t.Errorf("after the growth of a replaced value: %d, %v, %d bytes, want 2 in %d bytes", got, ok, cache.Size(), before)
	}
	for i := range int64(10_000) {
		key := fmt.Appendf(nil, "key %d", i)
		cache.Put(key, i)
		extra.Store(i, 500)
		cache.Grew(key, i)
	}
	if n := cache.Size(); n > size {
		t.Errorf("it holds %d bytes of values that grew, want at most %d", n, size)
	}
}

func TestConcurrent(t *testing.T) {
	cache := New(16<<10, number)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 5000 {
				n := int64((i*7 + worker) % 200)
				key := fmt.Appendf(nil, "key %d", n)
				if got, ok := cache.Get(key); ok && got != n {
					t.Errorf("Get(%s) = %d", key, got)
				}
				cache.Put(key, n)
			}
		})
	}
	all.Wait()
}

func BenchmarkGet(b *testing.B) {
	cache := New(1<<20, number)
	key := make([]byte, 200)
	cache.Put(key, 1)
	b.ReportAllocs()
	for b.Loop() {
		cache.Get(key)
	}
}

func TestRecentWeighsAgain(t *testing.T) {
	size := map[string]int{"a": 1, "b": 1, "huge": 100}
	r := NewRecent(20, func(key string, _ int) int { return size[key] })
	r.Put("a", 1)
	r.Put("b", 2)
	if r.Size() != 2 {
		t.Errorf("Size() = %d, want 2", r.Size())
	}
	size["a"] = 7
	r.Put("a", 1)
	if r.Size() != 8 {
		t.Errorf("after a value grew, Size() = %d, want 8", r.Size())
	}
	r.Put("huge", 3)
	if _, ok := r.Get("huge"); ok {
		t.Error("an entry larger than a half was kept")
	}
	if v, ok := GetBytes(r, []byte("a")); !ok || v != 1 {
		t.Errorf("GetBytes(a) = %d, %v", v, ok)
	}
	for range 3 {
		size["a"] = 9
		r.Put("a", 1)
		r.Put("b", 2)
	}
	if r.Size() > 20 {
		t.Errorf("Size() = %d, want at most 20", r.Size())
	}
}

// The counts say what the cache holds, whatever left it and why.
func TestCounts(t *testing.T) {
	var even, odd Counts
	var weight atomic.Int64 // values grow
	cache := NewCounted(32<<10, func(int64) int { return int(weight.Load() % 100) }, func(n int64) *Counts {
		if n%2 == 0 {
			return &even
		}
		return &odd
	})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 5000 {
				n := int64((i*7 + worker) % 600)
				cache.Put(fmt.Appendf(nil, "key %d", n%300), n)
				if i%10 == 0 {
					weight.Add(1)
					cache.Grew(fmt.Appendf(nil, "key %d", n%300), n)
				}
			}
		})
	}
	all.Wait()
	held := map[*Counts][2]int64{}
	for entry := range cache.items.Values() {
		counts := cache.counts(entry.value)
		held[counts] = [2]int64{held[counts][0] + int64(entry.size), held[counts][1] + 1}
	}
	for name, counts := range map[string]*Counts{"even": &even, "odd": &odd} {
		if got := [2]int64{counts.Bytes.Load(), counts.Entries.Load()}; got != held[counts] {
			t.Errorf("%s values: %v bytes and entries are counted, and there are %v", name, got, held[counts])
		}
		if counts.Evicted.Load() == 0 {
			t.Errorf("no %s value was evicted, of 300 in room for about 100", name)
		}
	}
	if sum := even.Bytes.Load() + odd.Bytes.Load(); sum != cache.Size() || cache.Most() != 32<<10 {
		t.Errorf("%d bytes are counted, and the cache has %d of %d", sum, cache.Size(), cache.Most())
	}
}
