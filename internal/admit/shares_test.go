package admit

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// takeMost takes units for a client until it is refused, and returns how many it got.
func takeMost(shares *Shares[string], client string) (n int64, err error) {
	for {
		if _, err = shares.Take(client, 1); err != nil {
			return n, err
		}
		n++
	}
}

func TestShares(t *testing.T) {
	for _, tt := range []struct {
		name  string
		total int64
		least int64 // what is left for each of ten more clients that take one
		most  int64 // what a client alone gets
	}{
		{"1,024 places", 1024, 1, 736},
		{"16 places", 16, 1, 12},
		{"one place", 1, 0, 1},
		{"two places", 2, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shares := NewShares[string](tt.total)
			got, err := takeMost(shares, "greedy")
			if got != tt.most || (got < tt.total) != errors.Is(err, ErrShare) || (got == tt.total) != errors.Is(err, ErrFull) {
				t.Errorf("one client gets %d of %d (%v), want %d", got, tt.total, err, tt.most)
			}
			for i := range min(10, tt.total/8) {
				if _, err := shares.Take(string(rune('a'+i)), 1); err != nil && tt.least > 0 {
					t.Errorf("a client that came later: %v", err)
				}
			}
		})
	}
}

// Clients that take all they can leave something for the next one, and nearly an eighth for clients with nothing.
func TestSharesOfMany(t *testing.T) {
	shares := NewShares[string](1024)
	before := int64(1024)
	for i := range 20 {
		got, _ := takeMost(shares, string(rune('a'+i)))
		if got == 0 || got > before {
			t.Errorf("client %d gets %d, the one before it %d", i, got, before)
		}
		before = got
	}
	for i := range 128 - 20 { // the reserve, of which each greedy client may have one
		if _, err := shares.Take("late"+string(rune('a'+i)), 1); err != nil {
			t.Fatalf("client %d that came later: %v", i, err)
		}
	}
}

func TestSharesMove(t *testing.T) {
	shares := NewShares[string](8) // two are undivided
	first, ok := shares.TryTake(1)
	second, _ := shares.TryTake(1)
	if _, third := shares.TryTake(1); !ok || third {
		t.Errorf("of the undivided units: the first %v, the third %v", ok, third)
	}
	third, err := shares.Take("address", 1)
	if err != nil || third.Move("user") != nil || shares.own["address"] != 0 || shares.own["user"] != 1 {
		t.Errorf("after the move: %v, %v", err, shares.own)
	}
	var all []Share[string]
	for {
		one, err := shares.Take("user", 1)
		if err != nil {
			break
		}
		all = append(all, one)
	}
	other, err := shares.Take("other", 1)
	if err != nil {
		t.Fatalf("another client: %v, with %v", err, shares.own)
	}
	if err := other.Move("user"); !errors.Is(err, ErrShare) {
		t.Errorf("a move to a client with its share: %v", err)
	}
	for _, one := range append(all, first, second, third, other) {
		one.Give()
		one.Give() // does nothing
	}
	if shares.taken.Load() != 0 || len(shares.own) != 0 || shares.refused.Load() != 2 {
		t.Errorf("afterwards %d are taken, %v, %d refused", shares.taken.Load(), shares.own, shares.refused.Load())
	}
}

func TestSharesUnderCrowds(t *testing.T) {
	shares := NewShares[int](50)
	var group sync.WaitGroup
	for client := range 20 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 1))
			for range 2000 {
				share, ok := shares.TryTake(1)
				if !ok {
					var err error
					if share, err = shares.Take(client%7, int64(1+random.IntN(5))); err != nil {
						continue
					}
				}
				if share.Move(client) != nil && share.counted {
					t.Error("a share that could not move is still counted")
				}
				if n := shares.taken.Load(); n > 50+20*5 { // units of a refusal under way count for a moment
					t.Errorf("%d of 50 taken", n)
				}
				share.Give()
			}
		})
	}
	group.Wait()
	if shares.taken.Load() != 0 || len(shares.own) != 0 {
		t.Errorf("afterwards %d are taken, %v", shares.taken.Load(), shares.own)
	}
}

// Units that a client asks for and does not get are never missing for another client.
func TestRefusedUnitsAreFree(t *testing.T) {
	shares := NewShares[string](16)
	got, _ := takeMost(shares, "greedy")
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := shares.Take("greedy", 1); !errors.Is(err, ErrShare) {
					t.Errorf("beside its %d the greedy client gets %v, want ErrShare", got, err)
					return
				}
			}
		})
	}
	for range 2000 {
		share, err := shares.Take("modest", 1)
		if err != nil {
			t.Errorf("the modest client gets %v", err)
			break
		}
		share.Give()
	}
	close(stop)
	group.Wait()
}

// However many take at once, TakeLeaving leaves a quarter.
func TestSharesLeaveAQuarter(t *testing.T) {
	for range 200 {
		s := NewShares[int](64)
		var all sync.WaitGroup
		start := make(chan bool)
		var taken atomic.Int64
		for client := range 64 {
			all.Go(func() {
				<-start
				if _, err := s.TakeLeaving(client, 1); err == nil {
					taken.Add(1)
				}
			})
		}
		close(start)
		all.Wait()
		if got := taken.Load(); got != 48 || s.taken.Load() != 48 {
			t.Fatalf("64 clients took %d units, want 48", got)
		}
		if _, err := s.Take(100, 1); err != nil {
			t.Errorf("somebody else gets %v", err)
		}
	}
}
