package cache

import (
	"fmt"
	"sync"
	"testing"
)

func TestGenerations(t *testing.T) {
	cache := New[int64](1 << 20)
	cache.Put([]byte("k"), []int64{3, 7}, 42)
	for _, tt := range []struct {
		key         string
		generations []int64
		want        bool
	}{
		{"k", []int64{3, 7}, true},
		{"k", []int64{3, 8}, false},
		{"k", []int64{2, 7}, false}, // an older snapshot is another one
		{"k", []int64{7, 3}, false},
		{"k", []int64{3}, false},
		{"k", nil, false},
		{"other", []int64{3, 7}, false},
	} {
		got, ok := cache.Get([]byte(tt.key), tt.generations)
		if ok != tt.want || (ok && got != 42) {
			t.Errorf("Get(%q, %v) = %d, %v, want %v", tt.key, tt.generations, got, ok, tt.want)
		}
	}
	cache.Put([]byte("k"), []int64{3, 8}, 43)
	if got, ok := cache.Get([]byte("k"), []int64{3, 8}); !ok || got != 43 {
		t.Errorf("after another Put, Get = %d, %v", got, ok)
	}
}

func TestPutKeepsNothingOfTheCaller(t *testing.T) {
	cache := New[int64](1 << 20)
	key, generations := []byte("k"), []int64{1}
	cache.Put(key, generations, 5)
	key[0], generations[0] = 'x', 9
	if got, ok := cache.Get([]byte("k"), []int64{1}); !ok || got != 5 {
		t.Errorf("Get = %d, %v, want 5: the cache kept a slice of its caller", got, ok)
	}
}

func TestBound(t *testing.T) {
	const size = 64 << 10
	cache := New[int64](size)
	for i := range 100_000 {
		cache.Put(fmt.Appendf(nil, "key %d", i), []int64{1}, int64(i))
		if i%100 == 0 { // used often enough to stay
			cache.Get([]byte("key 0"), []int64{1})
		}
	}
	if n := cache.results.Len() * overhead; n > size {
		t.Errorf("it holds about %d bytes, more than %d", n, size)
	}
	if got, ok := cache.Get([]byte("key 0"), []int64{1}); !ok || got != 0 {
		t.Errorf("a key in use was pushed out: %d, %v", got, ok)
	}
	if _, ok := cache.Get([]byte("key 1"), []int64{1}); ok {
		t.Error("a key that nobody asked for is still there")
	}
	long := make([]byte, maxKey+1)
	cache.Put(long, nil, 1)
	if _, ok := cache.Get(long, nil); ok {
		t.Error("a key beyond the bound was kept")
	}
}

func TestConcurrent(t *testing.T) {
	cache := New[int64](16 << 10)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 5000 {
				n := int64((i*7 + worker) % 200)
				key := fmt.Appendf(nil, "key %d", n)
				if got, ok := cache.Get(key, []int64{n}); ok && got != n {
					t.Errorf("Get(%s) = %d", key, got)
				}
				cache.Put(key, []int64{n}, n)
			}
		})
	}
	all.Wait()
}

func BenchmarkGet(b *testing.B) {
	cache := New[int64](1 << 20)
	key, generations := make([]byte, 200), []int64{1, 2}
	cache.Put(key, generations, 1)
	b.ReportAllocs()
	for b.Loop() {
		cache.Get(key, generations)
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
