// Package ledgertest tests implementations of limit.Ledger. Each test runs several nodes: limiters with ledgers of their own
// on one place.
package ledgertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// nodes is how many nodes share a ledger. Each may let a hundredth pass without a reservation.
const nodes = 3

// patience is long, so that a busy machine makes no node decide by itself.
const patience = time.Minute

// Run tests ledgers. open returns the ledger of one more node on the same place, and each call of it for another t is
// another place.
func Run(t *testing.T, open func(t *testing.T) func() limit.Ledger) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, func() limit.Ledger)
	}{
		{"grants", testGrants},
		{"debts", testDebts},
		{"agrees with reference", testReference},
		{"exact in parallel", testParallel},
		{"windows", testWindows},
		{"restart", testRestart},
		{"many buckets", testManyBuckets},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// RunParallel is the part of Run with many requests at once.
func RunParallel(t *testing.T, open func(t *testing.T) func() limit.Ledger) {
	testParallel(t, open(t))
	testManyBuckets(t, open(t))
}

func per(count int, window time.Duration) model.Rate { return model.Rate{Count: count, Window: window} }

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// Node returns a limiter with rules and a ledger.
func Node(ledger limit.Ledger, patience time.Duration, rules ...model.Limit) *limit.Limiter {
	return limit.New(&model.Limits{Rules: rules}, limit.Config{Ledger: ledger, Secret: [32]byte{1: 7}, Patience: patience})
}

// Pass sends a request from an address through a limiter.
func Pass(l *limit.Limiter, from int) bool {
	r := &limit.Request{Address: address(from)}
	_, ok := l.Arrive(time.Now(), r)
	l.Done(r)
	return ok
}

func reserve(t *testing.T, ledger limit.Ledger, wants ...limit.Want) []limit.Grant {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	grants, err := ledger.Reserve(ctx, wants)
	if err != nil {
		t.Fatal(err)
	}
	return grants
}

// The window is a day, so that no bucket gets room for one more during the test.
func testGrants(t *testing.T, open func() limit.Ledger) {
	a, b := open(), open()
	want := func(bucket uint64, need, take int64) limit.Want {
		return limit.Want{Bucket: bucket, Rate: per(100, 24*time.Hour), Need: need, Take: take}
	}
	for i, tt := range []struct {
		want  limit.Want
		taken int64
	}{
		{want(1, 1, 10), 10},   // of 100
		{want(1, 1, 1000), 22}, // a quarter of 90
		{want(1, 50, 50), 50},  // more than a quarter, if it is needed
		{want(1, 0, 1), 1},     // of 18
		{want(1, 0, 0), 0},
		{want(1, 100, 100), 17}, // the rest
		{want(1, 1, 1), 0},
		{want(2, 1, 1), 1}, // another bucket
		{want(1<<63+5, 7, 7), 7},
		{want(0, 7, 7), 7},
	} {
		ledger := a
		if i%2 == 1 {
			ledger = b
		}
		granted := reserve(t, ledger, tt.want)[0]
		if granted.Taken != tt.taken {
			t.Errorf("%d. %+v got %d, want %d", i, tt.want, granted.Taken, tt.taken)
		}
	}
	empty := reserve(t, a, want(1, 0, 0))[0].Full
	if empty > 24*time.Hour || empty < 23*time.Hour {
		t.Errorf("an empty bucket will be full in %v, want 24h", empty)
	}
	both := reserve(t, b, want(9, 3, 3), want(1, 1, 1), want(3, 100, 100))
	for i, taken := range []int64{3, 0, 100} {
		if both[i].Taken != taken {
			t.Errorf("want %d of a batch got %d, want %d", i, both[i].Taken, taken)
		}
	}
}

func testDebts(t *testing.T, open func() limit.Ledger) {
	ledger := open()
	want := limit.Want{Bucket: 1, Rate: per(100, 24*time.Hour), Debt: 30, Need: 20, Take: 20}
	if got := reserve(t, ledger, want)[0]; got.Taken != 20 {
		t.Errorf("granted %d, want 20", got.Taken)
	}
	want.Debt, want.Need = 60, 0
	if got := reserve(t, ledger, want)[0]; got.Taken != 0 || got.Full < 25*time.Hour {
		t.Errorf("granted %d of an overdrawn bucket that will be full in %v", got.Taken, got.Full)
	}
	want.Debt = 1_000_000
	if got := reserve(t, ledger, want)[0]; got.Full > 48*time.Hour || got.Full < 47*time.Hour {
		t.Errorf("after a debt without bound, the bucket will be full in %v, want 48h", got.Full)
	}
}

// A ledger agrees with the arithmetic of one bucket in Go, as far as the time between two calls leaves it open.
func testReference(t *testing.T, open func() limit.Ledger) {
	ledger := open()
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		rate := per(1+random.IntN(1000), time.Duration(1+random.IntN(400*24*3600))*time.Second)
		rate.Burst = random.IntN(rate.Count + 1)
		want := limit.Want{Bucket: random.Uint64(), Rate: rate}
		step, depth := want.Ticks()
		burst, low, high := depth/step, int64(0), int64(0) // bounds of the lag in ticks
		began := time.Now()
		for range 5 {
			next := time.Now()
			want.Debt, want.Need, want.Take = random.Int64N(burst/20+1), random.Int64N(burst/2+1), random.Int64N(2*burst+1)
			got := reserve(t, ledger, want)[0]
			passed := int64(time.Since(began)) * limit.TicksPerNano
			began = next
			low = max(0, low-passed)
			most, least := granted(low, step, depth, &want), granted(high, step, depth, &want)
			if got.Taken < least || got.Taken > most {
				t.Fatalf("%+v got %d, want %d to %d", want, got.Taken, least, most)
			}
			low = min(low+(want.Debt+got.Taken)*step, limit.MostLag*depth)
			high = min(high+(want.Debt+got.Taken)*step, limit.MostLag*depth)
			full := int64(got.Full) * limit.TicksPerNano
			const rounding = 4 * limit.TicksPerNano * int64(time.Microsecond)
			if full < low-rounding || full > high+rounding {
				t.Fatalf("%+v: full in %v, want %v to %v", want, got.Full, time.Duration(low/limit.TicksPerNano), time.Duration(high/limit.TicksPerNano))
			}
			low, high = full-rounding, full+rounding
		}
	}
}

func granted(lag, step, depth int64, want *limit.Want) int64 {
	room := max(0, (depth-lag)/step-want.Debt)
	return min(room, max(want.Need, min(want.Take, room/limit.TakeShare)))
}

// Of 10,000 requests at once on three nodes, 100 may pass, and three more: one hundredth on each node.
func testParallel(t *testing.T, open func() limit.Ledger) {
	rule := model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{per(100, time.Hour)}}
	var passed, sent atomic.Int64
	var wait sync.WaitGroup
	start := make(chan struct{})
	for range nodes {
		l := Node(open(), patience, rule)
		for range 100 {
			wait.Go(func() {
				<-start
				for range 34 {
					sent.Add(1)
					if Pass(l, 1) {
						passed.Add(1)
					}
				}
			})
		}
		t.Cleanup(func() {
			if s := l.Stats(); s.Alone > 0 || s.Failures > 0 {
				t.Errorf("the node decided by itself: %+v", s)
			}
		})
	}
	close(start)
	wait.Wait()
	if n := passed.Load(); n < 100 || n > 103 {
		t.Errorf("%d of %d requests passed, want 100 to 103", n, sent.Load())
	}
	t.Logf("%d of %d passed", passed.Load(), sent.Load())
}

// event is one request that passed, at some time between two.
type event struct{ from, to time.Duration }

// Random loads of several addresses on three nodes: at no time does more pass than the limit and three hundredths. An
// address that always wants more gets at least 85 % of the limit.
func testWindows(t *testing.T, open func() limit.Ledger) {
	const length = 2 * time.Second
	for _, rate := range []model.Rate{per(200, time.Second), per(1000, 2*time.Second), per(20, time.Second), {Count: 400, Window: time.Second, Burst: 40}, per(20_000, time.Second)} {
		name := rate.String()
		t.Run(name, func(t *testing.T) {
			rule := model.Limit{Name: name, Per: model.PerAddress, Rates: []model.Rate{rate}}
			const addresses = 3
			var mu sync.Mutex
			passed, sent := make([][]event, addresses), make([]int, addresses)
			var wait sync.WaitGroup
			began := time.Now()
			for range nodes {
				l := Node(open(), patience, rule)
				for from := range addresses {
					for range 2 {
						wait.Go(func() {
							var own []event
							n := 0
							for ; time.Since(began) < length; n++ {
								before := time.Since(began)
								if Pass(l, from) {
									own = append(own, event{before, time.Since(began)})
								}
								pause(rate, from)
							}
							mu.Lock()
							passed[from] = append(passed[from], own...)
							sent[from] += n
							mu.Unlock()
						})
					}
				}
			}
			wait.Wait()
			length := time.Since(began)
			for from, events := range passed {
				checkWindows(t, rate, events)
				refilled := float64(rate.Count) * float64(length) / float64(rate.Window)
				t.Logf("address %d: %d of %d passed, the limit refills %.0f", from, len(events), sent[from], refilled)
				if wanted := min(refilled, float64(sent[from])); from == 0 && float64(len(events)) < 0.85*wanted {
					t.Errorf("address %d: %d of %d passed, want at least 85 %% of %.0f", from, len(events), sent[from], wanted)
				}
			}
		})
	}
}

// pause waits between two requests. The first address always wants more than its limit. The second one sometimes does, and
// the third one comes in bursts.
func pause(rate model.Rate, from int) {
	each := rate.Window / time.Duration(rate.Count) * nodes * 2 // at this pause, all workers together keep to the limit
	switch {
	case from == 0:
		time.Sleep(each / 3)
	case from == 1:
		time.Sleep(rand.N(2*each + 1))
	case rand.IntN(50) == 0:
		time.Sleep(rand.N(300 * time.Millisecond))
	}
}

// checkWindows looks at all windows from the begin of one request to the end of another.
func checkWindows(t *testing.T, rate model.Rate, events []event) {
	slices.SortFunc(events, func(a, b event) int { return int(a.to - b.to) })
	burst := float64(limit.Burst(rate))
	for i := 0; i < len(events); i += 1 + len(events)/1000 {
		from, n := events[i].from, 0
		for _, other := range events {
			if other.from < from {
				continue
			}
			n++
			allowed := 1.03*(burst+float64(other.to-from)*float64(rate.Count)/float64(rate.Window)) + 1
			if float64(n) > allowed {
				t.Fatalf("%d requests passed within %v, want at most %.1f", n, other.to-from, allowed)
			}
		}
	}
}

// A node that restarts has forgotten its own buckets. The ledger has not.
func testRestart(t *testing.T, open func() limit.Ledger) {
	rule := model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{per(50, time.Hour)}}
	passed := 0
	for range 5 {
		l := Node(open(), patience, rule)
		for range 40 {
			if Pass(l, 1) {
				passed++
			}
		}
	}
	if passed > 50 || passed < 40 {
		t.Errorf("%d of 200 requests passed over four restarts, want at most 50, less what the nodes had reserved", passed)
	}
}

// More buckets than fit into one batch are asked about at once, on all nodes.
func testManyBuckets(t *testing.T, open func() limit.Ledger) {
	rule := model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{per(2, time.Hour)}}
	const addresses = 1500
	var passed atomic.Int64
	var wait sync.WaitGroup
	for range nodes {
		l := Node(open(), patience, rule)
		for from := range addresses {
			wait.Go(func() {
				for range 2 {
					if Pass(l, from) {
						passed.Add(1)
					}
				}
			})
		}
	}
	wait.Wait()
	// What is granted to a request that wakes up late may be lost.
	if n := passed.Load(); n > 2*addresses || n < 2*addresses*85/100 {
		t.Errorf("%d requests of %d addresses passed, want 2 of each", n, addresses)
	}
}

// Format says what a rate of asks is, for logs of tests.
func Format(s limit.Stats) string {
	return fmt.Sprintf("%d asks about %d buckets, %d failures, %d alone", s.Asks, s.Asked, s.Failures, s.Alone)
}
