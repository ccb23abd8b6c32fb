package limit

import (
	"fmt"
	"math/big"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func rule1(name string, per model.LimitUnit, rates ...model.Rate) model.Limit {
	return model.Limit{Name: name, Per: per, Rates: rates}
}

func per(count int, window time.Duration) model.Rate { return model.Rate{Count: count, Window: window} }

func newLimiter(declared ...model.Limit) *Limiter {
	return New(&model.Limits{Rules: declared}, Config{})
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func user(id string) caller.Client { return caller.User(caller.Identity{ID: id}).Client() }

// pass sends a request through both stages, and reports whether it passed. The request is done at once.
func pass(l *Limiter, now time.Time, r *Request) bool {
	_, ok := l.Arrive(now, r)
	if ok {
		_, ok = l.Admit(now, r)
	}
	l.Done(r)
	return ok
}

// Ten thousand requests at once against a limit of 100: exactly 100 pass. The window is an hour, so that no request passes
// because of the time that the test takes.
func TestParallelRequestsPassExactly(t *testing.T) {
	for _, unit := range []model.LimitUnit{model.PerAddress, model.PerCaller, model.PerKey, model.PerAll} {
		t.Run(string(unit), func(t *testing.T) {
			l := newLimiter(rule1("own", unit, per(100, time.Hour)), rule1("wide", model.PerAll, per(1_000_000, time.Hour)))
			var passed atomic.Int64
			var wait sync.WaitGroup
			start := make(chan struct{})
			now := time.Now()
			for range 100 {
				wait.Go(func() {
					<-start
					for range 100 {
						if pass(l, now, &Request{Address: address(1), Client: user("ann"), KeyID: "k"}) {
							passed.Add(1)
						}
					}
				})
			}
			close(start)
			wait.Wait()
			if passed.Load() != 100 {
				t.Errorf("%d requests passed, want 100", passed.Load())
			}
			if refused := l.refusals[0].Load(); refused != 9900 {
				t.Errorf("%d refusals were counted, want 9900", refused)
			}
			if counted := l.Passed(); !slices.Equal(counted, []uint64{100, 100}) {
				t.Errorf("requests that passed were counted as %v, want 100 for each rule", counted)
			}
		})
	}
}

// Many times, two requests meet at a bucket with room for one. A check that is not atomic lets both pass in some of the
// rounds. A single burst, as in TestParallelRequestsPassExactly, hardly ever shows it.
func TestParallelRequestsForTheLastRoom(t *testing.T) {
	const rounds, senders = 150_000, 2
	l := newLimiter(rule1("one", model.PerAddress, per(1, time.Hour)), rule1("wide", model.PerAll, per(1_000_000, time.Hour)))
	passed, arrived := make([]atomic.Int32, rounds), make([]atomic.Int32, rounds)
	var wait sync.WaitGroup
	now := time.Now()
	for range senders {
		wait.Go(func() {
			for round := range rounds {
				arrived[round].Add(1)
				for spins := 0; arrived[round].Load() < senders; spins++ { // until all are there
					if spins > 1000 {
						runtime.Gosched()
					}
				}
				if _, ok := l.Arrive(now, &Request{Address: address(round)}); ok {
					passed[round].Add(1)
				}
			}
		})
	}
	wait.Wait()
	for round := range rounds {
		if n := passed[round].Load(); n != 1 {
			t.Fatalf("round %d: %d requests passed, want 1", round, n)
		}
	}
}

// A request that one rule refuses must not take the room of another rule, not even for a moment. Here a rule has room for 100
// requests, and another one for 50 of them.
func TestParallelRefusalsTakeNothing(t *testing.T) {
	l := newLimiter(
		rule1("everybody", model.PerAll, per(100, time.Hour)),
		model.Limit{Name: "posts", Per: model.PerCaller, Tables: []string{"posts"}, Rates: []model.Rate{per(50, time.Hour)}},
	)
	var posts, others atomic.Int64
	var wait sync.WaitGroup
	now := time.Now()
	for i := range 64 {
		wait.Go(func() {
			for range 100 {
				r := &Request{Address: address(1), Client: user("ann")}
				counter := &others
				if i%2 == 0 {
					r.Table, counter = "posts", &posts
				}
				if pass(l, now, r) {
					counter.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if posts.Load() > 50 || posts.Load()+others.Load() != 100 {
		t.Errorf("%d requests to posts and %d others passed, want at most 50 and 100 together", posts.Load(), others.Load())
	}
}

// reference is a limiter of another design: a token bucket for each rate, in exact fractions.
type reference struct {
	rules   []model.Limit
	buckets map[string]*tokens
}

type tokens struct {
	level *big.Rat
	at    time.Duration
}

// allow charges a cost to all rules that apply, or to none.
func (f *reference) allow(at time.Duration, cost int64, who string, posts bool) bool {
	var charged []*tokens
	for _, rule := range f.rules {
		if len(rule.Tables) > 0 && !posts {
			continue
		}
		for i, rate := range rule.Rates {
			name := rule.Name + strconv.Itoa(i)
			if rule.Per != model.PerAll {
				name += who
			}
			bucket := f.refill(name, at, rate)
			if bucket.level.Cmp(big.NewRat(cost, 1)) < 0 {
				return false
			}
			charged = append(charged, bucket)
		}
	}
	for _, bucket := range charged {
		bucket.level.Sub(bucket.level, big.NewRat(cost, 1))
	}
	return true
}

func (f *reference) refill(name string, at time.Duration, rate model.Rate) *tokens {
	most := big.NewRat(int64(Burst(rate)), 1)
	bucket := f.buckets[name]
	if bucket == nil {
		bucket = &tokens{new(big.Rat).Set(most), at}
		f.buckets[name] = bucket
	}
	bucket.level.Add(bucket.level, new(big.Rat).Mul(big.NewRat(int64(rate.Count), int64(rate.Window)), big.NewRat(int64(at-bucket.at), 1)))
	if bucket.level.Cmp(most) > 0 {
		bucket.level.Set(most)
	}
	bucket.at = at
	return bucket
}

// A limiter agrees with the reference on every request, for random rules, times, costs and callers. The counts divide
// the windows, so neither rounds. A refused request changes nothing, else the next ones would differ.
func TestLimiterAgreesWithTokenBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var declared []model.Limit
		for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
			rule := rule1(fmt.Sprint("rule", i), rapid.SampledFrom([]model.LimitUnit{model.PerAddress, model.PerCaller, model.PerAll}).Draw(t, "per"))
			for range rapid.IntRange(1, 3).Draw(t, "rates") {
				rate := per(rapid.SampledFrom([]int{1, 2, 5, 8, 40, 1000}).Draw(t, "count"), rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 24 * time.Hour}).Draw(t, "window"))
				rate.Burst = rapid.IntRange(0, rate.Count).Draw(t, "burst")
				rule.Rates = append(rule.Rates, rate)
			}
			if rapid.Bool().Draw(t, "about posts") {
				rule.Tables = []string{"posts"}
			}
			declared = append(declared, rule)
		}
		l := newLimiter(declared...)
		want := &reference{declared, map[string]*tokens{}}
		at := time.Duration(0)
		for i := range rapid.IntRange(1, 100).Draw(t, "requests") {
			at += time.Duration(rapid.Int64Range(0, int64(rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, time.Hour}).Draw(t, "scale"))).Draw(t, "pause"))
			who := rapid.IntRange(1, 2).Draw(t, "who")
			r := &Request{Address: address(who), Client: user(strconv.Itoa(who))}
			if rapid.Bool().Draw(t, "posts") {
				r.Table = "posts"
			}
			got, expected := pass(l, l.epoch.Add(at), r), want.allow(at, 1, strconv.Itoa(who), r.Table == "posts")
			if got != expected {
				t.Fatalf("request %d at %v: passed %t, want %t", i, at, got, expected)
			}
			if more := rapid.IntRange(0, 12).Draw(t, "more"); got && more > 0 {
				_, got = l.More(l.epoch.Add(at), r, more)
				expected = want.allow(at, int64(more), strconv.Itoa(who), r.Table == "posts")
				if got != expected {
					t.Fatalf("%d more operations of request %d at %v: passed %t, want %t", more, i, at, got, expected)
				}
			}
		}
	})
}

func TestRefusalSaysHowLongToWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := per(rapid.IntRange(1, 50).Draw(t, "count"), time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds"))*time.Second)
		l := newLimiter(rule1("one", model.PerAddress, rate), rule1("two", model.PerAddress, per(3, time.Minute), per(10, time.Hour)))
		now := l.epoch
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause")) * time.Millisecond)
			r := &Request{Address: address(1)}
			refusal, ok := l.Arrive(now, r)
			if ok {
				continue
			}
			if refusal.Wait <= 0 {
				t.Fatalf("a wait of %v", refusal.Wait)
			}
			if _, ok := l.Arrive(now.Add(refusal.Wait-time.Nanosecond), &Request{Address: address(1)}); ok {
				t.Fatalf("a request passes a moment before the end of the wait of %v", refusal.Wait)
			}
			now = now.Add(refusal.Wait)
			if refusal, ok := l.Arrive(now, &Request{Address: address(1)}); !ok {
				t.Fatalf("after the wait, %q still refuses for %v", refusal.Limit, refusal.Wait)
			}
		}
	})
}

// The clock is set back by an hour. Buckets go on filling up, and the limit holds.
func TestClockSetBack(t *testing.T) {
	l := newLimiter(rule1("address", model.PerAddress, per(10, 10*time.Second)))
	now := l.epoch.Add(2 * time.Hour).Round(0)
	count := func(n int) (passed int) {
		for range n {
			if pass(l, now, &Request{Address: address(1)}) {
				passed++
			}
		}
		return passed
	}
	if passed := count(20); passed != 10 {
		t.Errorf("%d passed at first, want 10", passed)
	}
	now = now.Add(-time.Hour)
	if passed := count(20); passed != 0 {
		t.Errorf("%d passed right after the clock was set back, want 0", passed)
	}
	now = now.Add(3 * time.Second)
	if passed := count(20); passed != 3 {
		t.Errorf("%d passed 3 s later, want 3", passed)
	}
}

// A goroutine that read the clock late gets no more than one that did not.
func TestTimesOutOfOrder(t *testing.T) {
	l := newLimiter(rule1("address", model.PerAddress, per(10, 10*time.Second)))
	now, passed := l.epoch.Add(time.Minute), 0
	for i := range 1000 {
		if pass(l, now.Add(-time.Duration(i%7)*time.Second), &Request{Address: address(1)}) {
			passed++
		}
	}
	if passed != 10 {
		t.Errorf("%d passed, want 10", passed)
	}
}

// cells returns how many cells all tables have.
func (l *Limiter) cells() (n int) {
	for i := range l.shards {
		n += len(l.shards[i].table.cells)
	}
	return n
}

// A million addresses send a request each, within a second. Their buckets fill up in 33 ms, so the memory stays small. The
// bucket of an address that has used up its limit is remembered all the time.
func TestMemoryOfManyAddresses(t *testing.T) {
	effort.SkipRaced(t)
	l := newLimiter(rule1("address", model.PerAddress, per(300, 10*time.Second)))
	now := l.epoch
	for range 300 {
		pass(l, now, &Request{Address: address(1 << 23)})
	}
	for i := range 1_000_000 {
		now = now.Add(time.Microsecond)
		pass(l, now, &Request{Address: address(i)})
		if i%30_000 == 0 && i > 0 && pass(l, now, &Request{Address: address(1 << 23)}) {
			pass(l, now, &Request{Address: address(1 << 23)})
			if pass(l, now, &Request{Address: address(1 << 23)}) {
				t.Fatalf("after %d addresses, a limit that was used up is forgotten", i)
			}
		}
	}
	if bytes := l.cells() * cellBytes; bytes > 4<<20 {
		t.Errorf("%d bytes for buckets, of which 33,000 at a time were not full", bytes)
	}
	t.Logf("%d bytes", l.cells()*cellBytes)
	if forgotten := l.Stats().Forgotten; forgotten != 0 {
		t.Errorf("%d buckets were forgotten", forgotten)
	}
}

// Each of a million addresses uses up a quota of a day. The memory has its bound, and 400,000 quotas are there before the
// first one is forgotten.
func TestMemoryBound(t *testing.T) {
	effort.SkipRaced(t)
	l := newLimiter(rule1("quota", model.PerAddress, per(1, 24*time.Hour)))
	first := 0
	for i := range 1_500_000 {
		if !pass(l, l.epoch, &Request{Address: address(i)}) {
			t.Fatal("the first request of an address is refused")
		}
		if first == 0 && l.Stats().Forgotten > 0 {
			first = i
		}
	}
	if bytes := l.cells() * cellBytes; bytes > defaultBytes {
		t.Errorf("%d bytes, want at most %d", bytes, defaultBytes)
	}
	if first != 0 && first < 400_000 {
		t.Errorf("the first bucket was forgotten after %d", first)
	}
	t.Logf("the first bucket was forgotten after %d; %d in all", first, l.Stats().Forgotten)
}

// At the bound, the bucket that is nearly full is forgotten first. A bucket that is empty stays.
func TestForgetsFullestFirst(t *testing.T) {
	l := New(&model.Limits{Rules: []model.Limit{rule1("quota", model.PerAddress, per(10, time.Hour))}}, Config{Bytes: shards * setSize * cellBytes})
	for range 10 {
		pass(l, l.epoch, &Request{Address: address(1 << 23)})
	}
	for i := range 100_000 {
		pass(l, l.epoch, &Request{Address: address(i)})
	}
	if l.Stats().Forgotten == 0 {
		t.Fatal("nothing was forgotten")
	}
	if pass(l, l.epoch, &Request{Address: address(1 << 23)}) {
		t.Error("a quota that was used up is forgotten")
	}
}

func TestRequestsAtWork(t *testing.T) {
	l := newLimiter(model.Limit{Name: "caller", Per: model.PerCaller, InFlight: 3})
	var held []*Request
	for i := range 5 {
		r := &Request{Address: address(1), Client: user("ann")}
		refusal, ok := l.Admit(time.Now(), r)
		if ok != (i < 3) {
			t.Fatalf("request %d: %v, %t", i, refusal, ok)
		}
		if !ok && (refusal.InFlight != 3 || refusal.Wait != time.Second) {
			t.Errorf("refusal %+v", refusal)
		}
		held = append(held, r)
	}
	if !pass(l, time.Now(), &Request{Address: address(1), Client: user("bob")}) {
		t.Error("another caller is refused")
	}
	for range 2 { // the second time must change nothing
		for _, r := range held {
			l.Done(r)
		}
	}
	for i := range l.shards {
		if n := len(l.shards[i].atWork); n > 0 {
			t.Errorf("shard %d remembers %d", i, n)
		}
	}
	if !pass(l, time.Now(), &Request{Address: address(1), Client: user("ann")}) {
		t.Error("a request is refused though all are done")
	}
}

func TestCostOfMany(t *testing.T) {
	l := newLimiter(rule1("address", model.PerAddress, per(100, time.Hour)), rule1("caller", model.PerCaller, per(40, time.Hour)))
	now := time.Now()
	r := &Request{Address: address(1), Client: user("ann")}
	if !pass(l, now, r) {
		t.Fatal("refused")
	}
	for _, tt := range []struct {
		operations int
		want       bool
	}{{0, true}, {-5, true}, {30, true}, {10, false}, {9, true}, {1, false}} {
		if refusal, ok := l.More(now, r, tt.operations); ok != tt.want {
			t.Errorf("More(%d) = %+v, %t", tt.operations, refusal, ok)
		}
	}
	refusal, ok := l.More(now, r, 41)
	if ok || !refusal.TooMany || refusal.Limit != "caller" {
		t.Errorf("More(41) = %+v, %t", refusal, ok)
	}
	if refusal, ok := l.More(now, r, int(^uint(0)>>1)); ok || !refusal.TooMany {
		t.Errorf("the largest cost: %+v, %t", refusal, ok)
	}
	// The address was charged what passed: 40.
	other := &Request{Address: address(1), Client: user("bob")}
	pass(l, now, other)
	if _, ok := l.More(now, other, 38); !ok {
		t.Error("bob is refused")
	}
	third := &Request{Address: address(1), Client: user("eve")}
	pass(l, now, third)
	if refusal, ok := l.More(now, third, 21); ok || refusal.Limit != "address" {
		t.Errorf("the address has room for 20, 21 were charged: %+v", refusal)
	}
	if _, ok := l.More(now, third, 20); !ok {
		t.Error("the address has no room for 20")
	}
}

// What Arrive has charged is given back if Admit refuses: a caller over its limit does not use up the limit of its address.
func TestRefusedCallerSparesAddress(t *testing.T) {
	l := newLimiter(rule1("address", model.PerAddress, per(10, time.Hour)), rule1("caller", model.PerCaller, per(5, time.Hour)))
	now := time.Now()
	for range 100 {
		pass(l, now, &Request{Address: address(1), Client: user("ann")})
	}
	passed := 0
	for range 100 {
		if pass(l, now, &Request{Address: address(1), Client: user("bob")}) {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("%d requests of bob passed, want 5", passed)
	}
	if pass(l, now, &Request{Address: address(1), Client: user("eve")}) {
		t.Error("the address has no room, and a request passed")
	}
	if counted := l.Passed(); !slices.Equal(counted, []uint64{10, 10}) {
		t.Errorf("requests that passed were counted as %v, want 10 for each rule", counted)
	}
}

func TestWhichRequestsRulesAreAbout(t *testing.T) {
	base := Request{Address: address(1)}
	with := func(change func(*Request)) Request {
		r := base
		change(&r)
		return r
	}
	create := with(func(r *Request) {
		r.Route, r.Table, r.Operation = "POST /api/{table}", "posts", model.CreateOperation
	})
	read := with(func(r *Request) {
		r.Route, r.Table, r.Operation = "GET /api/{table}/{id}", "posts", model.GetOperation
	})
	signUp := with(func(r *Request) { r.Route = "POST /auth/sign-up" })
	key := with(func(r *Request) { r.Client, r.KeyID, r.Scopes = user("ann"), "k", []string{"ingest"} })
	local := with(func(r *Request) { r.Address = netip.MustParseAddr("127.0.0.2") })
	local6 := with(func(r *Request) { r.Address = netip.IPv6Loopback() })
	socket := with(func(r *Request) { r.Address = netip.Addr{} })
	for _, tt := range []struct {
		name string
		rule model.Limit
		want []Request
	}{
		{"all", model.Limit{Per: model.PerAddress}, []Request{base, create, read, signUp, key, local, local6, socket}},
		{"spares this machine", model.Limit{Per: model.PerAddress, SparesLoopback: true}, []Request{base, create, read, signUp, key}},
		{"table", model.Limit{Per: model.PerAll, Tables: []string{"posts"}}, []Request{create, read}},
		{"other table", model.Limit{Per: model.PerAll, Tables: []string{"notes"}}, nil},
		{"operation", model.Limit{Per: model.PerAll, Operations: []model.Operation{model.CreateOperation, model.DeleteOperation}}, []Request{create}},
		{"operation of another table", model.Limit{Per: model.PerAll, Tables: []string{"notes"}, Operations: []model.Operation{model.CreateOperation}}, nil},
		{"route", model.Limit{Per: model.PerAll, Routes: []string{"POST /auth/sign-up"}}, []Request{signUp}},
		{"route of a table", model.Limit{Per: model.PerAll, Routes: []string{"POST /api/posts"}}, []Request{create}},
		{"route of a row", model.Limit{Per: model.PerAll, Routes: []string{"GET /api/posts/{id}"}}, []Request{read}},
		{"route of another table", model.Limit{Per: model.PerAll, Routes: []string{"POST /api/notes"}}, nil},
		{"table or route", model.Limit{Per: model.PerAll, Tables: []string{"posts"}, Routes: []string{"POST /auth/sign-up"}}, []Request{create, read, signUp}},
		{"key", model.Limit{Per: model.PerKey}, []Request{key}},
		{"scope", model.Limit{Per: model.PerKey, Scope: "ingest"}, []Request{key}},
		{"scope, by caller", model.Limit{Per: model.PerCaller, Scope: "ingest"}, []Request{key}},
		{"other scope", model.Limit{Per: model.PerKey, Scope: "reports"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.rule.Rates = "rule", []model.Rate{per(1, time.Hour)}
			for i, r := range []Request{base, create, read, signUp, key, local, local6, socket} {
				l := newLimiter(tt.rule)
				first, second := r, r
				pass(l, time.Now(), &first)
				limited := !pass(l, time.Now(), &second)
				wanted := slices.ContainsFunc(tt.want, func(w Request) bool { return fmt.Sprint(w) == fmt.Sprint(r) })
				if limited != wanted {
					t.Errorf("request %d: limited %t, want %t", i, limited, wanted)
				}
			}
		})
	}
}

func TestUnitsAreToldApart(t *testing.T) {
	for _, tt := range []struct {
		name string
		per  model.LimitUnit
		a, b Request
		same bool
	}{
		{"two addresses", model.PerAddress, Request{Address: address(1)}, Request{Address: address(2)}, false},
		{"two callers of an address, by address", model.PerAddress, Request{Address: address(1), Client: user("a")}, Request{Address: address(1), Client: user("b")}, true},
		{"two callers", model.PerCaller, Request{Address: address(1), Client: user("a")}, Request{Address: address(1), Client: user("b")}, false},
		{"a caller at two addresses", model.PerCaller, Request{Address: address(1), Client: user("a")}, Request{Address: address(2), Client: user("a")}, true},
		{"anonymous at two addresses", model.PerCaller, Request{Address: address(1)}, Request{Address: address(2)}, false},
		{"anonymous at one address", model.PerCaller, Request{Address: address(1)}, Request{Address: address(1)}, true},
		{"two keys of a caller", model.PerKey, Request{Address: address(1), Client: user("a"), KeyID: "1"}, Request{Address: address(1), Client: user("a"), KeyID: "2"}, false},
		{"all", model.PerAll, Request{Address: address(1), Client: user("a")}, Request{Address: address(2)}, true},
		{"a user and a service of one id", model.PerCaller, Request{Client: user("a")}, Request{Client: caller.Service(caller.Identity{ID: "a"}).Client()}, false},
	} {
		l := newLimiter(rule1("rule", tt.per, per(1, time.Hour)))
		pass(l, time.Now(), &tt.a)
		if same := !pass(l, time.Now(), &tt.b); same != tt.same {
			t.Errorf("%s: they share a bucket: %t, want %t", tt.name, same, tt.same)
		}
	}
}

func TestHeaders(t *testing.T) {
	l := newLimiter(
		rule1("address", model.PerAddress, per(300, 10*time.Second)),
		model.Limit{Name: "comments", Per: model.PerCaller, Rates: []model.Rate{{Count: 30, Window: time.Minute, Burst: 10}, per(500, 24*time.Hour)}},
		model.Limit{Name: "hidden", Per: model.PerAll, Rates: []model.Rate{per(2, time.Hour)}, SparesLoopback: true},
	)
	now := l.epoch
	r := &Request{Address: address(1)}
	pass(l, now, r)
	if got, want := l.Policy(r, false), `"address";q=300;w=10, "comments/1m";q=30;w=60, "comments/1d";q=500;w=86400`; got != want {
		t.Errorf("policy %s, want %s", got, want)
	}
	if got, want := l.Policy(r, true), `"address";q=300;w=10, "comments/1m";q=30;w=60, "comments/1d";q=500;w=86400, "hidden";q=2;w=3600`; got != want {
		t.Errorf("full policy %s, want %s", got, want)
	}
	if got, want := r.State(), `"comments/1m";r=9;t=2`; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
	pass(l, now, &Request{Address: address(1)})
	refused := &Request{Address: address(1)}
	if pass(l, now, refused) {
		t.Fatal("not refused")
	}
	if got, want := refused.State(), `"hidden";r=0;t=1800`; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
	last := &Request{Address: address(2)}
	now = now.Add(time.Hour)
	pass(l, now, last)
	if _, ok := l.More(now, last, 1); !ok {
		t.Fatal("refused")
	}
	if got := (&Request{}).State(); got != "" {
		t.Errorf("a request without limits: %s", got)
	}
	none := newLimiter(rule1("burst", model.PerAddress, per(1, 30*time.Second)))
	r = &Request{Address: address(1)}
	pass(none, none.epoch, r)
	if got, want := r.State(), `"burst";r=0;t=30`; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
}

func TestSipHash(t *testing.T) {
	var data [64]byte
	for i := range data {
		data[i] = byte(i)
	}
	key := hashKey{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	for length, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5, 63: 0x958a324ceb064572} {
		if got := key.sum(data[:length]); got != want {
			t.Errorf("hash of %d bytes = %#x, want %#x", length, got, want)
		}
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	effort.SkipRaced(t)
	l := New(model.DefaultLimits(), Config{})
	i := 0
	client := user("0198f3a1-2f6b-7c3e-9d10-aa55bb66cc77")
	if allocs := testing.AllocsPerRun(10_000, func() {
		i++
		r := Request{Address: address(i % 1000), Client: client, Route: "GET /api/{table}", Table: "posts", Operation: model.ListOperation}
		pass(l, time.Now(), &r)
	}); allocs != 0 {
		t.Errorf("%v allocations for a check", allocs)
	}
}

func BenchmarkCheck(b *testing.B) {
	many := model.DefaultLimits().Rules
	for i := range 48 {
		many = append(many, model.Limit{Name: fmt.Sprint("rule", i), Per: model.PerCaller, Tables: []string{"posts"}, Rates: []model.Rate{per(1000000, time.Second)}})
	}
	for _, bb := range []struct {
		name  string
		rules []model.Limit
	}{{"default", many[:2]}, {"10 rules", many[:10]}, {"50 rules", many}} {
		b.Run(bb.name, func(b *testing.B) {
			l := newLimiter(bb.rules...)
			client := user("0198f3a1-2f6b-7c3e-9d10-aa55bb66cc77")
			b.ReportAllocs()
			var seed atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				i := int(seed.Add(1)) << 16
				for pb.Next() {
					i++
					r := Request{Address: address(i & 0xffff), Client: client, Route: "GET /api/{table}", Table: "posts", Operation: model.ListOperation}
					pass(l, time.Now(), &r)
				}
			})
		})
	}
}

// A batch costs what its operations cost as requests of their own, in each rule.
func TestBatchEqualsItsOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		declared := []model.Limit{
			rule1("address", model.PerAddress, per(rapid.IntRange(1, 30).Draw(t, "address"), time.Hour)),
			rule1("caller", model.PerCaller, per(rapid.IntRange(1, 30).Draw(t, "caller"), time.Hour)),
			{Name: "posts", Per: model.PerCaller, Tables: []string{"posts"}, Rates: []model.Rate{per(rapid.IntRange(1, 10).Draw(t, "posts"), time.Hour)}},
			{Name: "creates", Per: model.PerAll, Operations: []model.Operation{model.CreateOperation}, Rates: []model.Rate{per(rapid.IntRange(1, 10).Draw(t, "creates"), time.Hour)}},
			{Name: "route", Per: model.PerAddress, Routes: []string{"PATCH /api/notes/{id}"}, Rates: []model.Rate{per(rapid.IntRange(1, 10).Draw(t, "route"), time.Hour)}},
		}
		var all []Work
		for range rapid.IntRange(1, 5).Draw(t, "kinds") {
			all = append(all, Work{
				Table:     rapid.SampledFrom([]string{"posts", "notes"}).Draw(t, "table"),
				Operation: rapid.SampledFrom([]model.Operation{model.ListOperation, model.GetOperation, model.CreateOperation, model.UpdateOperation, model.DeleteOperation}).Draw(t, "operation"),
				Count:     rapid.IntRange(1, 6).Draw(t, "count"),
			})
		}
		whole, single := newLimiter(declared...), newLimiter(declared...)
		now := time.Now()
		r := &Request{Address: address(1), Client: user("ann"), Route: "POST /api"}
		pass(whole, now, r)
		_, got := whole.Charge(now, r, all)
		want := true
		for _, work := range all {
			for range work.Count {
				want = pass(single, now, &Request{Address: address(1), Client: user("ann"), Route: work.Operation.Route(), Table: work.Table, Operation: work.Operation}) && want
			}
		}
		if got != want {
			t.Fatalf("the batch passes %t, its operations pass %t", got, want)
		}
		if got {
			for i := range declared {
				for _, table := range []string{"posts", "notes"} {
					probe := Request{Address: address(1), Client: user("ann"), Route: "PATCH /api/{table}/{id}", Table: table, Operation: model.UpdateOperation}
					one, other := probe, probe
					_, first := whole.More(now, arrived(whole, now, &one), 20-i)
					_, second := single.More(now, arrived(single, now, &other), 20-i)
					if first != second {
						t.Fatalf("afterwards, %s has room in one of them alone", declared[i].Name)
					}
				}
			}
		}
	})
}

func arrived(l *Limiter, now time.Time, r *Request) *Request {
	pass(l, now, r)
	return r
}

// A proxy on this machine that does not know its client is no request from this machine.
func TestProxiedRequestsAreNotSpared(t *testing.T) {
	l := New(&model.Limits{Rules: []model.Limit{{Name: "address", Per: model.PerAddress, Rates: []model.Rate{{Count: 1, Window: time.Minute}}, SparesLoopback: true}}}, Config{})
	for _, tt := range []struct {
		proxied bool
		passes  int
	}{{false, 5}, {true, 1}} {
		passes := 0
		for range 5 {
			if _, ok := l.Arrive(time.Now(), &Request{Address: netip.MustParseAddr("127.0.0.1"), Proxied: tt.proxied}); ok {
				passes++
			}
		}
		if passes != tt.passes {
			t.Errorf("proxied %v: %d requests pass, want %d", tt.proxied, passes, tt.passes)
		}
	}
}
