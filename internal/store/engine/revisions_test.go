package engine

import (
	"sync"
	"testing"
)

func TestRevisionsAreTakenOnce(t *testing.T) {
	var r Revisions
	if n, ok := r.Take(); ok {
		t.Errorf("Take() of none = %d", n)
	}
	r.Add(Span{})
	r.Add(Span{1, 500})
	r.Add(Span{901, 1000})
	var mu sync.Mutex
	taken := map[int64]bool{}
	var wg sync.WaitGroup
	for client := range 4 {
		wg.Go(func() {
			for i := range 400 {
				n, ok := r.Take()
				if !ok {
					return
				}
				if client == 0 && i%3 == 0 {
					r.PutBack(n)
					continue
				}
				mu.Lock()
				if taken[n] {
					t.Errorf("%d was taken twice", n)
				}
				taken[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for n, ok := r.Take(); ok; n, ok = r.Take() {
		taken[n] = true
	}
	if len(taken) != 600 || r.left != 0 {
		t.Errorf("%d numbers were taken, and %d are left, want 600 and none", len(taken), r.left)
	}
	r.Add(Span{2000, 2001})
	r.Drop()
	if n, ok := r.Take(); ok {
		t.Errorf("Take() after Drop = %d", n)
	}
}

func TestOneRefillAtATime(t *testing.T) {
	var r Revisions
	if !r.StartRefill(10) || r.StartRefill(10) {
		t.Error("want one refill at a time")
	}
	r.Add(Span{1, 10})
	r.EndRefill()
	if r.StartRefill(10) {
		t.Error("a refill starts though enough are left")
	}
}
