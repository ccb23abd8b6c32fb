package engine

import "sync"

// Revisions are numbers that committed transactions have reserved and nobody has taken. Neither another process nor this one
// after a restart gives them out. The zero value has none. It is safe for concurrent use.
type Revisions struct {
	mu        sync.Mutex
	spans     []Span // none of them empty
	left      int64  // numbers in all spans
	refilling bool
}

// Span is the numbers from Next to Last, both included. The zero value has none.
type Span struct{ Next, Last int64 }

// Left returns how many numbers the span has.
func (s *Span) Left() int64 {
	if s.Next == 0 {
		return 0
	}
	return s.Last - s.Next + 1
}

// Take takes a number out of the span. It reports false if there is none.
func (s *Span) Take() (n int64, ok bool) {
	if s.Left() == 0 {
		return 0, false
	}
	s.Next++
	return s.Next - 1, true
}

// Take takes a number. It reports false if there is none.
func (r *Revisions) Take() (n int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) == 0 {
		return 0, false
	}
	n, _ = r.spans[0].Take()
	r.left--
	if r.spans[0].Left() == 0 {
		r.spans = r.spans[1:]
	}
	return n, true
}

// PutBack takes back a number that was not used.
func (r *Revisions) PutBack(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left++
	if len(r.spans) > 0 && r.spans[0].Next == n+1 {
		r.spans[0].Next = n
		return
	}
	r.spans = append([]Span{{n, n}}, r.spans...)
}

// Add adds numbers. Their reservation must be committed.
func (r *Revisions) Add(s Span) {
	if s.Left() == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = append(r.spans, s)
	r.left += s.Left()
}

// Drop drops all numbers.
func (r *Revisions) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans, r.left = nil, 0
}

// StartRefill reports whether the caller should reserve more, because fewer than few are left and nobody else does. The caller
// then calls EndRefill, whatever came of it.
func (r *Revisions) StartRefill(few int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refilling || r.left >= few {
		return false
	}
	r.refilling = true
	return true
}

// EndRefill ends what StartRefill started.
func (r *Revisions) EndRefill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refilling = false
}
