package admit

import "sync"

// A Budget bounds the total memory of large things, such as answers. Small things are free: the limit of concurrent
// requests bounds them already. A Budget is safe for concurrent use.
type Budget struct {
	large int // smallest size that counts, in bytes

	mu   sync.Mutex
	free int // bytes
}

// NewBudget returns a budget of total bytes. Only things of at least large bytes count.
func NewBudget(total, large int) *Budget { return &Budget{large: large, free: total} }

// Take reserves size bytes for one thing. It returns false if the budget has not enough left. After a true, the caller
// must call Release with the same size.
func (b *Budget) Take(size int) bool {
	if size < b.large {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free < size {
		return false
	}
	b.free -= size
	return true
}

// Release gives back the size bytes of an earlier Take.
func (b *Budget) Release(size int) {
	if size < b.large {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += size
}
