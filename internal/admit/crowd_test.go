package admit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// BenchmarkCrowd has many callers that each read for 25 µs with a slot and answer for 40 µs without one. A granted slot that
// lies idle costs throughput: compare the time of an operation with the 65 µs of its work, divided by the processors.
func BenchmarkCrowd(b *testing.B) {
	for _, callers := range []int{4, 32, 1000} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			g := NewGate[int](4, 2)
			work := make(chan struct{}, b.N)
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			b.ResetTimer()
			var all sync.WaitGroup
			for client := range callers {
				all.Go(func() {
					for range work {
						if err := g.Enter(context.Background(), 0, client, time.Minute); err != nil {
							b.Error(err)
							return
						}
						spin(25 * time.Microsecond)
						g.Leave(0, client, 25*time.Microsecond)
						spin(40 * time.Microsecond)
					}
				})
			}
			all.Wait()
		})
	}
}

// spin keeps the processor for a time.
func spin(length time.Duration) {
	for begun := time.Now(); time.Since(begun) < length; {
	}
}

// A caller that leaves lets the next one run at once, if others wait behind it.
func TestLeaveYieldsInACrowd(t *testing.T) {
	for _, tt := range []struct {
		waiting int
		want    bool
	}{{0, false}, {1, false}, {crowded - 1, false}, {crowded, true}, {crowded + 10, true}} {
		t.Run(fmt.Sprint(tt.waiting), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGate[int](4, 2)
				for client := range 2 {
					if !g.TryEnter(0, client) {
						t.Fatal("a free slot is not given")
					}
				}
				var all sync.WaitGroup
				for client := range tt.waiting {
					all.Go(func() {
						if err := g.Enter(t.Context(), 0, 100+client, time.Minute); err != nil {
							t.Error(err)
						}
						g.Leave(0, 100+client, 0)
					})
				}
				synctest.Wait()
				if got := g.leave(0, 0, Shape{}, 0); got != tt.want {
					t.Errorf("leave with %d waiting = %v, want %v", tt.waiting, got, tt.want)
				}
				g.Leave(0, 1, 0)
				all.Wait()
			})
		})
	}
}
