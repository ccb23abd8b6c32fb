package limit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// memory is a ledger in memory. It has the clock of the test.
type memory struct {
	mu      sync.Mutex
	full    map[uint64]time.Time // when a bucket is full
	latency func() time.Duration // of a call
	failure error                // of calls; they wait first
	wants   []Want               // of all calls
	batches int
}

func newMemory() *memory {
	return &memory{full: map[uint64]time.Time{}, latency: func() time.Duration { return 0 }}
}

func (m *memory) Reserve(_ context.Context, wants []Want) (grants []Grant, err error) {
	delay := m.latency()
	time.Sleep(delay / 2)
	m.mu.Lock()
	defer time.Sleep(delay / 2)
	defer m.mu.Unlock()
	m.batches++
	m.wants = append(m.wants, wants...)
	if m.failure != nil {
		return nil, m.failure
	}
	now := time.Now()
	for i := range wants {
		want := &wants[i]
		step, depth := want.Ticks()
		lag := max(0, ticks(m.full[want.Bucket].Sub(now)))
		room := max(0, (depth-lag)/step-want.Debt)
		taken := min(room, max(want.Need, min(want.Take, room/TakeShare)))
		lag = min(lag+(want.Debt+taken)*step, MostLag*depth)
		m.full[want.Bucket] = now.Add(duration(lag))
		grants = append(grants, Grant{Taken: taken, Full: duration(lag)})
	}
	return grants, nil
}

// asked returns how many wants came, and forgets them.
func (m *memory) asked() (n int, debt int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, want := range m.wants {
		debt += want.Debt
	}
	n = len(m.wants)
	m.wants = nil
	return n, debt
}

func (m *memory) set(failure error, latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure, m.latency = failure, func() time.Duration { return latency }
}

func newNode(ledger Ledger, declared ...model.Limit) *Limiter {
	return New(&model.Limits{Rules: declared}, Config{Ledger: ledger})
}

func passNow(l *Limiter, from int) bool { return pass(l, time.Now(), &Request{Address: address(from)}) }

// While the ledger hangs, the first requests wait for 50 ms, and the next ones not at all. The node lets as many pass as the
// limit says. When the ledger is back, it learns of them.
func TestLedgerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newMemory()
		l := newNode(ledger, rule1("address", model.PerAddress, per(100, time.Hour)))
		other := newNode(ledger, rule1("address", model.PerAddress, per(100, time.Hour)))
		ledger.set(errors.New("cut off"), time.Minute)
		time.Sleep(time.Second)
		passed := 0
		for i := range 150 {
			began := time.Now()
			if passNow(l, 1) {
				passed++
			}
			waited := time.Since(began)
			if longest := 50 * time.Millisecond; (i == 1 && waited != longest) || (i != 1 && waited != 0) {
				t.Errorf("request %d waited for %v", i, waited)
			}
		}
		if passed != 100 {
			t.Errorf("%d requests passed, want 100", passed)
		}
		time.Sleep(59 * time.Second)
		ledger.set(nil, 0)
		time.Sleep(3 * time.Second)
		if s := l.Stats(); s.Failures != 1 || s.Alone != 99 {
			t.Errorf("%+v", s)
		}
		passNow(l, 1) // the hour has given room for one
		synctest.Wait()
		if _, debt := ledger.asked(); debt < 100 {
			t.Errorf("the ledger was told of a debt of %d, want 100", debt)
		}
		passNow(other, 1)
		if passNow(other, 1) {
			t.Error("another node lets a request pass, though the limit is used up")
		}
	})
}

// A ledger that fails at once makes nobody wait. The node asks it once a second.
func TestLedgerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newMemory()
		ledger.set(errors.New("refused"), 0)
		l := newNode(ledger, rule1("address", model.PerAddress, per(1000, 10*time.Second)))
		began := time.Now()
		for time.Since(began) < 10*time.Second {
			if !passNow(l, 1) {
				t.Fatal("a request is refused because the ledger is away")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if n, _ := ledger.asked(); n > 10 {
			t.Errorf("%d asks in 10 s, want one a second", n)
		}
		if away := l.AwaySince(); away.Before(began) || away.Sub(began) > time.Second {
			t.Errorf("the ledger failed from %v on, and is said to be away since %v", began, away)
		}
		ledger.set(nil, 0)
		time.Sleep(2 * time.Second)
		for range 20 {
			passNow(l, 1)
		}
		synctest.Wait()
		if away := l.AwaySince(); !away.IsZero() {
			t.Errorf("the ledger is back, and said to be away since %v", away)
		}
	})
}

// A panic and a wrong number of grants are failures of the ledger.
func TestLedgerThatIsBroken(t *testing.T) {
	for name, ledger := range map[string]Ledger{"panic": panics{}, "no grants": silent{}} {
		l := newNode(ledger, rule1("address", model.PerAddress, per(10, time.Hour)))
		passed := 0
		for range 20 {
			if passNow(l, 1) {
				passed++
			}
		}
		if s := l.Stats(); passed != 10 || s.Failures != 1 {
			t.Errorf("%s: %d passed, %+v", name, passed, s)
		}
	}
}

type panics struct{}

func (panics) Reserve(context.Context, []Want) ([]Grant, error) { panic("lost") }

type silent struct{}

func (silent) Reserve(context.Context, []Want) ([]Grant, error) { return nil, nil }

// Random loads on three nodes, with a ledger that takes its time: in no window does more pass than the limit and three
// hundredths, or one more request that waited for the ledger.
func TestNodesTogetherKeepLimit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := per(rapid.SampledFrom([]int{1, 10, 100, 1000}).Draw(rt, "count"), rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second}).Draw(rt, "window"))
		rate.Burst = rapid.SampledFrom([]int{0, rate.Count, (rate.Count + 3) / 4}).Draw(rt, "burst")
		seed := rapid.Uint64().Draw(rt, "seed")
		slowest := rapid.IntRange(0, 40).Draw(rt, "latency in ms")
		eager := rapid.IntRange(1, 8).Draw(rt, "requests at once")
		failure := ""
		synctest.Test(t, func(*testing.T) {
			var mu sync.Mutex
			var passed []time.Duration
			began := time.Now()
			ledger := newMemory()
			var wait sync.WaitGroup
			random := rand.New(rand.NewPCG(seed, 0))
			ledger.latency = func() time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(random.IntN(slowest+1)) * time.Millisecond
			}
			for node := range 3 {
				l := New(&model.Limits{Rules: []model.Limit{rule1("address", model.PerAddress, rate)}}, Config{Ledger: ledger, Patience: time.Minute})
				for i := range eager {
					wait.Go(func() {
						random := rand.New(rand.NewPCG(seed, uint64(1+10*node+i)))
						each := rate.Window / time.Duration(rate.Count) * time.Duration(eager)
						for time.Since(began) < 3*rate.Window {
							if passNow(l, 1) {
								mu.Lock()
								passed = append(passed, time.Since(began))
								mu.Unlock()
							}
							time.Sleep(time.Duration(random.Int64N(int64(each))) + time.Microsecond)
							if random.IntN(20) == 0 {
								time.Sleep(time.Duration(random.Int64N(int64(rate.Window))))
							}
						}
					})
				}
			}
			wait.Wait()
			burst := Burst(rate)
			most := float64(burst + 3*(burst/100))
			for i, from := range passed {
				for j := i; j < len(passed); j++ {
					// What waits for an answer passes up to a latency later than the ledger let it.
					long := passed[j] - from + time.Duration(slowest)*time.Millisecond
					if n, allowed := float64(j-i+1), most+float64(long)*float64(rate.Count)/float64(rate.Window); n > allowed+0.001 {
						failure = fmt.Sprintf("%.0f requests passed within %v at %v, want at most %.1f", n, passed[j]-from, from, allowed)
					}
				}
			}
		})
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}

// What nodes ask, for loads that are common.
func TestAsksOfLoads(t *testing.T) {
	caller := per(1000, 10*time.Second)
	for _, tt := range []struct {
		name    string
		rate    model.Rate
		keys    int
		pause   time.Duration // between two requests of a key
		most    float64       // asks of a key and second
		refused bool
	}{
		{"few requests of a caller", caller, 10, 10 * time.Second / 9, 0.1, false},
		{"10 requests a second", caller, 10, 100 * time.Millisecond, 1.2, false},
		{"90 requests a second", caller, 1, 11 * time.Millisecond, 4, false},
		{"a client far over its limit", caller, 1, time.Millisecond, 40, true},
		{"an address far over its limit", per(300, 10*time.Second), 1, time.Millisecond, 40, true},
		{"10,000 addresses at 1 request a second", per(300, 10*time.Second), 10_000, time.Second, 0.34, false},
		{"a limit of a billion", per(1e9, time.Second), 1, 100 * time.Microsecond, 3, false},
		{"a small limit", per(10, time.Minute), 10, 10 * time.Second, 0.2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ledger := newMemory()
				l := newNode(ledger, rule1("rule", model.PerAddress, tt.rate))
				const length = 20 * time.Second
				refused := 0
				for range int(length / tt.pause) {
					for key := range tt.keys {
						if !passNow(l, key) {
							refused++
						}
					}
					time.Sleep(tt.pause)
				}
				synctest.Wait()
				asked, _ := ledger.asked()
				each := float64(asked) / float64(tt.keys) / length.Seconds()
				t.Logf("%.2f asks of a key and second; %.0f buckets a second, in %.0f batches", each, each*float64(tt.keys), float64(ledger.batches)/length.Seconds())
				if each > tt.most || (refused > 0) != tt.refused {
					t.Errorf("%.2f asks of a key and second, want at most %.2f; %d refusals", each, tt.most, refused)
				}
			})
		})
	}
}

// A request that a later rule refuses gives the credit of its address back.
func TestRefusedRequestGivesCreditBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newNode(newMemory(), rule1("address", model.PerAddress, per(10, time.Hour)), rule1("caller", model.PerCaller, per(2, time.Hour)))
		now := time.Now()
		for range 50 {
			pass(l, now, &Request{Address: address(1), Client: user("ann")})
		}
		passed := 0
		for _, name := range []string{"bob", "eve", "joe", "sue", "tom"} {
			for range 3 {
				if pass(l, now, &Request{Address: address(1), Client: user(name)}) {
					passed++
				}
			}
		}
		if passed != 8 {
			t.Errorf("%d requests of others at the address passed, want 8", passed)
		}
	})
}

// Many addresses do not use up the memory.
func TestSharesAreBounded(t *testing.T) {
	l := newNode(newMemory(), rule1("address", model.PerAddress, per(1000, time.Hour)))
	for i := range 300_000 {
		passNow(l, i)
	}
	n := 0
	for i := range l.asker.shares {
		n += len(l.asker.shares[i].known)
	}
	if n > shards*maxShares {
		t.Errorf("%d shares, want at most %d", n, shards*maxShares)
	}
}

func TestSharedCheckAllocatesNothing(t *testing.T) {
	rate := per(1e9, time.Hour)
	l := newNode(newMemory(), rule1("address", model.PerAddress, rate))
	hash := l.hashAddress(address(1))
	share := l.asker.share(hash, hash^l.rules[0].rates[0].salt, 0)
	share.latest, share.credits[1] = 1e6, credit{left: 1e6, full: ticks(time.Hour)}
	if allocs := testing.AllocsPerRun(10_000, func() {
		r := Request{Address: address(1)}
		pass(l, time.Now(), &r)
	}); allocs != 0 {
		t.Errorf("%v allocations for a check with credit", allocs)
	}
	if left := share.credits[1].left; left != 1e6-10_001 {
		t.Errorf("the requests left %d of the credit", left)
	}
}

func BenchmarkSharedCheck(b *testing.B) {
	l := New(&model.Limits{Rules: model.DefaultLimits().Rules}, Config{Ledger: newMemory()})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		i := rand.IntN(1 << 16)
		client := user("0198f3a1-2f6b-7c3e-9d10-aa55bb66cc77")
		for pb.Next() {
			i++
			r := Request{Address: address(i & 0xffff), Client: client, Route: "GET /api/{table}", Table: "posts", Operation: model.ListOperation}
			pass(l, time.Now(), &r)
		}
	})
}
