package admit

import "sync"

// A Budget bounds the memory that large things take together. Small things are free, since the number of requests bounds
// them already. A Budget is safe for concurrent use.
type Budget struct {
	large int // size in bytes from which on a thing counts

	mu   sync.Mutex
	free int
}

// NewBudget returns a budget of that many bytes for all things of at least large bytes.
func NewBudget(total, large int) *Budget { return &Budget{large: large, free: total} }

// Take reserves memory for one thing and reports whether there is enough. A thing that got its memory gives it back with
// Release.
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

// Release gives back what Take reserved for a thing of that size.
func (b *Budget) Release(size int) {
	if size < b.large {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += size
}
