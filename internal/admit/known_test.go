package admit

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

func guest(n int) caller.Client {
	return caller.Caller{}.From(fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255)).Client()
}

// wantKnown fails unless a client that comes now is known, or is not.
func wantKnown(t *testing.T, k *Known, client caller.Client, want bool) {
	t.Helper()
	here := k.Here()
	if newcomer := k.Came(client); newcomer != (here && !want) {
		t.Errorf("%s waits for others: %v after %v, want known: %v, beside known clients: %v", client.Address(), newcomer, time.Since(k.start), want, here)
	}
	if known := k.Knows(client); known != want {
		t.Errorf("%s is known: %v after %v, want %v", client.Address(), known, time.Since(k.start), want)
	}
}

// crowd lets newcomers wait.
func crowd(k *Known, clients int) {
	for n := range clients {
		k.Waited(guest(1000 + n))
	}
}

func TestClientsBecomeKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		old, late := guest(1), guest(2)
		if k.Here() || k.Knows(old) {
			t.Error("nobody has come yet")
		}
		wantKnown(t, k, old, false)
		time.Sleep(acquaintance - time.Millisecond)
		wantKnown(t, k, old, false)
		if k.Here() {
			t.Error("only newcomers have come")
		}
		time.Sleep(time.Millisecond)
		wantKnown(t, k, old, true)
		wantKnown(t, k, late, false)
		if !k.Here() {
			t.Error("a known client has come")
		}
		time.Sleep(hereTime)
		if k.Here() {
			t.Error("no known client has come for a minute")
		}
		time.Sleep(acquaintance)
		wantKnown(t, k, late, true)
	})
}

// Who came with a rush becomes known when it has ended, and who came before stays known.
func TestRushOfNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		old, shortly, late := guest(1), guest(2), guest(3)
		k.Came(old)
		time.Sleep(acquaintance)
		k.Came(shortly)
		time.Sleep(time.Second)
		for range 60 {
			crowd(k, rush)
			wantKnown(t, k, old, true)
			wantKnown(t, k, shortly, false)
			wantKnown(t, k, late, false)
			time.Sleep(time.Second)
		}
		time.Sleep(rushEnd - time.Second - time.Millisecond)
		wantKnown(t, k, late, false)
		time.Sleep(time.Millisecond)
		wantKnown(t, k, late, true)
		wantKnown(t, k, guest(4), false)
		if n := k.Rushes(); n != 1 {
			t.Errorf("%d rushes, want 1", n)
		}
	})
}

// One client that waits is no rush, however often it does, and few are none.
func TestFewNewcomersAreNoRush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		late := guest(1)
		k.Came(late)
		for range 2 * int(acquaintance/rushTime) {
			for range 10 * rush {
				k.Waited(late)
			}
			crowd(k, rush-2)
			time.Sleep(rushTime)
		}
		wantKnown(t, k, late, true)
		if n := k.Rushes(); n != 0 {
			t.Errorf("%d rushes, want none", n)
		}
	})
}

// A rush without an end is the usual load.
func TestLongRushEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		late := guest(1)
		k.Came(late)
		for range int(longestRush/time.Second) - 1 {
			crowd(k, rush)
			k.Came(late)
			time.Sleep(time.Second)
		}
		wantKnown(t, k, late, false)
		time.Sleep(time.Second)
		wantKnown(t, k, late, true)
	})
}

func TestClientsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		often, once := guest(1), guest(2)
		k.Came(once)
		for range 10 * knownTime / (knownTime / 2) {
			k.Came(often)
			time.Sleep(knownTime / 2)
		}
		wantKnown(t, k, often, true)
		k.Came(guest(3))
		if _, ok := k.shardOf(once).first(once); ok && k.shardOf(once) == k.shardOf(often) {
			t.Error("a client is remembered that has not come for a long time")
		}
	})
}

// Newcomers beyond the bound are not remembered, and displace nobody who is known.
func TestKnownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		const olds = mostKnown / 2
		come := func(from, clients int) {
			for n := range clients {
				k.Came(guest(from + n))
			}
		}
		come(0, olds)
		next := olds
		for range 3 {
			time.Sleep(knownTime)
			come(next, 2*mostKnown)
			next += 2 * mostKnown
			come(0, olds)
		}
		known := 0
		for n := range olds {
			if k.Knows(guest(n)) {
				known++
			}
		}
		if known < olds*99/100 {
			t.Errorf("%d of %d clients are known that always came", known, olds)
		}
		held := 0
		for i := range k.shards {
			held += len(k.shards[i].recent) + len(k.shards[i].former)
		}
		if held > 4*mostKnown {
			t.Errorf("%d clients are remembered, want at most %d", held, 4*mostKnown)
		}
	})
}

// A known user makes the address known from which it comes.
func TestKnownClientsVouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKnown()
		user, address, other := caller.User(caller.Identity{ID: "ann"}).Client(), guest(1), guest(2)
		k.Came(user)
		time.Sleep(acquaintance)
		k.Came(address)
		k.Came(other)
		k.Vouch(other, address)
		wantKnown(t, k, address, false)
		k.Vouch(user, address)
		wantKnown(t, k, address, true)
		wantKnown(t, k, other, false)
	})
}

func TestKnownIsSafe(t *testing.T) {
	k := NewKnown()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 2000 {
				k.Came(guest(i % 50))
				k.Knows(guest(n))
				k.Waited(guest(i))
				k.Here()
			}
		})
	}
	all.Wait()
}

// A request asks twice or three times.
func BenchmarkKnown(b *testing.B) {
	k := NewKnown()
	clients := make([]caller.Client, 1000)
	for i := range clients {
		clients[i] = guest(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			k.Came(clients[i%len(clients)])
		}
	})
}
