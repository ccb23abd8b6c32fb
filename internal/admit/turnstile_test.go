package admit

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// address returns an anonymous client.
func address(n byte) caller.Client {
	return caller.Caller{}.From(netip.AddrFrom4([4]byte{192, 0, 2, n}).String()).Client()
}

// run runs a Turnstile until the test ends, and returns when it has a bell.
func run(t *testing.T, turns *Turnstile) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- turns.Run(ctx) }()
	for {
		turns.mu.Lock()
		running := turns.bell != nil
		turns.mu.Unlock()
		if running {
			break
		}
		runtime.Gosched()
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// other has a request of another client at work until the test ends, so that turns are counted and others come.
func other(t *testing.T, turns *Turnstile) {
	t.Helper()
	for range turns.perClient + 1 {
		turn := new(Turn)
		turns.Enter(turn, address(250))
		t.Cleanup(turn.Leave)
	}
}

// checkEmpty fails the test if something is left when all turns have ended.
func checkEmpty(t *testing.T, turns *Turnstile) {
	t.Helper()
	turns.mu.Lock()
	defer turns.mu.Unlock()
	if len(turns.clients) > 0 || turns.waiting != 0 || turns.working.Load() != 0 {
		t.Errorf("all turns have ended, but %d clients have some, %d requests wait and %d work", len(turns.clients), turns.waiting, turns.working.Load())
	}
}

// A client has as many requests that compute as it may, and no more while others come. None of them is forgotten.
func TestTurnstile_BoundsAClient(t *testing.T) {
	for name, running := range map[string]bool{"with a bell": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			turns := NewTurnstile(4)
			if running {
				run(t, turns)
			}
			t.Cleanup(func() { checkEmpty(t, turns) })
			other(t, turns)
			var computing, most, longest atomic.Int64
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					for range 200 {
						var turn Turn
						turns.Enter(&turn, address(1))
						now := computing.Add(1)
						raise(&most, now)
						raise(&longest, int64(turn.Waited()))
						runtime.Gosched()
						computing.Add(-1)
						turn.Leave()
						turn.Leave() // does nothing
					}
				})
			}
			all.Wait()
			impatient := time.Duration(longest.Load()) >= turnPatience // as on a machine that stands still
			if most.Load() < 4 || (most.Load() > 4 && !impatient) {
				t.Errorf("%d requests of a client computed at once, want 4", most.Load())
			}
		})
	}
}

// raise sets a maximum to n if it is lower.
func raise(most *atomic.Int64, n int64) {
	for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
	}
}

// A client alone is not bounded. Nor is another one, whatever the first does.
func TestTurnstile_BoundsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurnstile(2)
		var held [10]Turn
		for i := range held {
			turns.Enter(&held[i], address(1))
		}
		var second [2]Turn
		began := time.Now()
		for i := range second {
			turns.Enter(&second[i], address(2))
		}
		if waited := time.Since(began); waited != 0 || turns.Stats().Waiting != 0 {
			t.Errorf("another client waited for %v", waited)
		}
		var late Turn
		turns.Enter(&late, address(1))
		if waited := time.Since(began); waited != turnPatience || late.Waited() != turnPatience {
			t.Errorf("one more request of the first client waited for %v, and says %v, while others came, want %v", waited, late.Waited(), turnPatience)
		}
		if got := turns.Stats(); got.Total != 2 || got.Taken != 2 || got.Waiting != 0 {
			t.Errorf("got %+v, want 2 of 2 and nobody who waits", got)
		}
		late.Leave()
		time.Sleep(2 * active)
		began = time.Now()
		var alone Turn
		turns.Enter(&alone, address(1))
		if waited := time.Since(began); waited != 0 {
			t.Errorf("nobody else came for %v, but a request waited for %v", 2*active, waited)
		}
		alone.Leave()
		for i := range held {
			held[i].Leave()
		}
		for i := range second {
			second[i].Leave()
		}
		checkEmpty(t, turns)
	})
}

// Who pauses lets another request of the client compute. Who comes back goes before who comes.
func TestTurnstile_Pauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurnstile(1)
		other(t, turns)
		var first, second, third Turn
		turns.Enter(&first, address(1))
		first.Pause()
		first.Pause() // of another goroutine
		turns.Enter(&second, address(1))
		if second.Waited() != 0 {
			t.Errorf("a request waited for %v for one that had paused", second.Waited())
		}
		order := make(chan string, 2)
		go func() {
			turns.Enter(&third, address(1))
			order <- "third"
		}()
		synctest.Wait()
		first.Resume()
		go func() {
			first.Resume()
			order <- "first"
		}()
		synctest.Wait()
		if got := turns.Stats().Waiting; got != 2 {
			t.Fatalf("%d requests wait, want 2", got)
		}
		second.Leave()
		if got := <-order; got != "first" {
			t.Errorf("%s goes on, want the first: it comes back", got)
		}
		first.Leave()
		if got := <-order; got != "third" || third.Waited() >= turnPatience {
			t.Errorf("%s goes on after %v", got, third.Waited())
		}
		third.Leave()
	})
}

// Turns that are handed on go by way of the bell, so that the runtime looks at the network first. When Run ends, nobody is left.
func TestTurnstile_EndOfRun(t *testing.T) {
	for range 100 {
		turns := NewTurnstile(1)
		stop := run(t, turns)
		other(t, turns)
		var first, second Turn
		turns.Enter(&first, address(1))
		ended := make(chan time.Duration)
		go func() {
			turns.Enter(&second, address(1))
			ended <- second.Waited()
		}()
		for turns.Stats().Waiting == 0 {
			runtime.Gosched()
		}
		go stop()
		first.Leave()
		<-ended
		stop()
		turns.mu.Lock()
		if len(turns.freed) > 0 || turns.waiting > 0 {
			t.Error("Run has ended, and somebody still waits")
		}
		turns.mu.Unlock()
		second.Leave()
	}
}

// Whatever requests do, each goes on, and nothing is left when they have ended.
func TestTurnstile_AtRandom(t *testing.T) {
	turns := NewTurnstile(3)
	stop := run(t, turns)
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 300 {
				turn := new(Turn)
				turns.Enter(turn, address(byte(random.IntN(4))))
				var own sync.WaitGroup
				for range random.IntN(3) {
					own.Go(func() {
						turn.Pause()
						runtime.Gosched()
						turn.Resume()
					})
				}
				if random.IntN(3) > 0 {
					own.Wait()
				}
				turn.Leave()
				own.Wait() // some come back after the end
			}
		})
	}
	all.Wait()
	for _, client := range turns.clients {
		t.Errorf("a client has %d turns, of which %d compute, when all have ended", client.turns, client.computing)
	}
	stop()
	checkEmpty(t, turns)
}

// Work that is no request has no turn.
func TestTurnOf(t *testing.T) {
	turn := TurnOf(t.Context())
	turn.Pause()
	turn.Resume()
	if turn != nil {
		t.Error("a turn comes from nowhere")
	}
	var none Turn
	none.Pause()
	none.Resume()
	none.Leave()
}

// BenchmarkTurnstile measures what a turn costs a request: of few requests at work, and of one client with more than it has turns
// while nobody else comes.
func BenchmarkTurnstile(b *testing.B) {
	for name, held := range map[string]int{"few": 0, "many": 100} {
		b.Run(name, func(b *testing.B) {
			turns := NewTurnstile(12)
			for range held {
				turns.Enter(new(Turn), address(1))
			}
			b.ReportAllocs()
			for b.Loop() {
				var turn Turn
				turns.Enter(&turn, address(1))
				turn.Leave()
			}
		})
	}
}
