package telemetry

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// takenIDs keeps the ids of records in the order in which it takes them.
type takenIDs struct {
	mu  sync.Mutex
	ids []string
}

func (s *takenIDs) Take(r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, r.ID)
}

func (s *takenIDs) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

// runBatcher runs a Batcher until stop is called.
func runBatcher(t *testing.T, b *Batcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestBatcherHandsOnAtOnceUnlessItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := &takenIDs{}
		b := NewBatcher(taken)
		b.Add(&Record{ID: "before"})
		if got := taken.all(); !slices.Equal(got, []string{"before"}) {
			t.Errorf("before Run: %q", got)
		}
		stop := runBatcher(t, b)
		b.Add(&Record{ID: "during"})
		if got := taken.all(); len(got) != 1 {
			t.Errorf("a record was not kept for the batch: %q", got)
		}
		stop()
		b.Add(&Record{ID: "after"})
		if got := taken.all(); !slices.Equal(got, []string{"before", "during", "after"}) {
			t.Errorf("after Run: %q", got)
		}
	})
}

func TestBatcherHandsOnAllInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := &takenIDs{}
		b := NewBatcher(taken)
		stop := runBatcher(t, b)
		defer stop()
		var want []string
		for n := range 3 {
			for range n + 1 {
				id := strconv.Itoa(len(want))
				want = append(want, id)
				b.Add(&Record{ID: id})
			}
			time.Sleep(2 * batchEvery)
			if got := taken.all(); !slices.Equal(got, want) {
				t.Errorf("batch %d: took %q, want %q", n, got, want)
			}
		}
	})
}

func TestFlushHandsOnWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := &takenIDs{}
		b := NewBatcher(taken)
		defer runBatcher(t, b)()
		b.Add(&Record{ID: "one"})
		b.Flush()
		if got := taken.all(); !slices.Equal(got, []string{"one"}) {
			t.Errorf("took %q", got)
		}
	})
}

// TestBatcherIsBounded: no goroutine has a turn to hand records on, since time stands still.
func TestBatcherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := &takenIDs{}
		b := NewBatcher(taken)
		defer runBatcher(t, b)()
		for range maxBatched - 1 {
			b.Add(&Record{})
		}
		if got := len(taken.all()); got != 0 {
			t.Errorf("took %d records before the bound", got)
		}
		b.Add(&Record{})
		if got := len(taken.all()); got != maxBatched {
			t.Errorf("took %d records at the bound, want %d", got, maxBatched)
		}
	})
}

// TestBatcherLosesNothing adds records from many goroutines while Run starts and stops.
func TestBatcherLosesNothing(t *testing.T) {
	const writers, each = 8, 2000
	taken := &takenIDs{}
	b := NewBatcher(taken)
	var adding sync.WaitGroup
	for range writers {
		adding.Go(func() {
			for n := range each {
				b.Add(&Record{ID: strconv.Itoa(n)})
			}
		})
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
	adding.Wait()
	if got := len(taken.all()); got != writers*each {
		t.Errorf("took %d records of %d", got, writers*each)
	}
}

// BenchmarkBatcher measures what a request pays.
func BenchmarkBatcher(b *testing.B) {
	batcher := NewBatcher(NewSinks(nil))
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _ = batcher.Run(ctx) }()
	r := &Record{}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			batcher.Add(r)
		}
	})
}
