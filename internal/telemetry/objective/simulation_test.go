package objective

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// A world simulates the requests of an app, and evaluates after each step.
type world struct {
	t       *testing.T
	random  *rand.Rand
	now     time.Time
	step    time.Duration
	callers int
	watch   *Evaluator

	pages, tickets int
	compare        bool      // with the rules of the workbook alone
	workbook       int       // times that a page would have begun by them
	burning        bool      // they hold
	paged          time.Time // the first page
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, seed uint64, callers int) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), now: start, step: 10 * time.Second, callers: callers}
	w.watch = NewEvaluator([]Objective{{Name: "api", Kind: Available, Target: 99.9}}, start)
	return w
}

// run lets time pass with so many requests a second, of which a share fails.
func (w *world) run(length time.Duration, rate, failing float64) {
	for end := w.now.Add(length); w.now.Before(end); {
		w.now = w.now.Add(w.step)
		w.requests(w.poisson(rate*w.step.Seconds()*(1-failing)), w.poisson(rate*w.step.Seconds()*failing))
		w.evaluate()
	}
}

// skip lets time pass without evaluating, in steps of an hour.
func (w *world) skip(length time.Duration, rate float64) {
	for end := w.now.Add(length); w.now.Before(end); {
		w.now = w.now.Add(time.Hour)
		w.requests(w.poisson(rate*60*60), 0)
	}
}

func (w *world) requests(good, bad uint64) {
	c := Counts{Good: good, Bad: bad}
	if bad > 1 && w.callers > 1 {
		c.Many = true
	} else if bad > 0 {
		c.Caller, c.CallerEvents = 1+w.random.Uint64N(uint64(w.callers)), bad
		if w.callers == 1 {
			c.CallerEvents += good
		}
	}
	w.watch.Add(0, w.now, c)
}

func (w *world) evaluate() {
	for _, alert := range w.watch.Evaluate(w.now) {
		switch {
		case alert.Firing && alert.Severity == Page:
			if w.pages++; w.pages == 1 {
				w.paged = w.now
			}
		case alert.Firing:
			w.tickets++
		}
	}
	if w.compare {
		burning := w.plain()
		if burning && !w.burning {
			w.workbook++
		}
		w.burning = burning
	}
}

// plain reports whether a page rule of the workbook holds, without the count rule.
func (w *world) plain() bool {
	o := w.watch.all[0]
	for _, r := range rules {
		long, short := o.window(w.now, r.long), o.window(w.now, r.short)
		if limit := r.factor * o.budget(); r.severity == Page && long.share() > limit && short.share() > limit {
			return true
		}
	}
	return false
}

// poisson returns how many requests come when so many are expected.
func (w *world) poisson(mean float64) uint64 {
	if mean > 50 {
		return uint64(max(0, math.Round(mean+math.Sqrt(mean)*w.random.NormFloat64())))
	}
	n, left := uint64(0), math.Exp(-mean)
	for p := w.random.Float64(); p > left; p *= w.random.Float64() {
		n++
	}
	return n
}

const perDay = 1.0 / (24 * 60 * 60)

// untilPage returns the longest time until a page over some worlds. Each has a healthy day before.
func untilPage(t *testing.T, rate, failing float64, within time.Duration) (worst time.Duration) {
	t.Helper()
	for seed := range uint64(10) {
		w := newWorld(t, seed, 50)
		w.skip(24*time.Hour, rate)
		w.evaluate()
		if w.pages > 0 {
			t.Fatalf("paged while nothing failed")
		}
		broken := w.now
		for w.pages == 0 && w.now.Sub(broken) < within {
			w.run(w.step, rate, failing)
		}
		if w.pages == 0 {
			return math.MaxInt64
		}
		worst = max(worst, w.paged.Sub(broken))
	}
	return worst
}

func TestDetection(t *testing.T) {
	for _, tt := range []struct {
		rate, failing float64
		bar           time.Duration
	}{
		{1000, 1, 90 * time.Second},
		{100, 1, 90 * time.Second},
		{10, 1, 90 * time.Second},
		{1, 1, 90 * time.Second},
		{0.5, 1, 90 * time.Second},
		{0.1, 1, 5 * time.Minute},
		{0.01, 1, time.Hour},
		{37 * perDay, 1, 24 * time.Hour},
		{1000, 0.05, 35 * time.Minute},
		{10, 0.05, 35 * time.Minute},
		{1, 0.05, 35 * time.Minute},
		{0.5, 0.05, 35 * time.Minute},
		{0.1, 0.05, 24 * time.Hour},
		{0.5, 0.9, 24 * time.Hour}, // fedora-homelab: eight days without a page
		{0.1, 0.9, 24 * time.Hour},
		{0.01, 0.9, 24 * time.Hour},
		{37 * perDay, 0.9, 24 * time.Hour},
	} {
		got := untilPage(t, tt.rate, tt.failing, 2*tt.bar)
		t.Logf("%8.4f/s, %3.0f %% fail: paged after %v", tt.rate, tt.failing*100, got)
		if got > tt.bar {
			t.Errorf("%v requests a second of which %v fail: paged after %v, want %v", tt.rate, tt.failing, got, tt.bar)
		}
	}
}

func TestOneFailedRequestAtNightWakesNobody(t *testing.T) {
	for _, tt := range []struct {
		rate     float64
		callers  int
		workbook int // pages by the rules of the workbook alone: at least so many
	}{
		{37 * perDay, 50, 900},
		{0.1, 50, 500},
		{1000, 50, 0},
		{37 * perDay, 1, 900},
		{0.1, 1, 500},
		{1, 50, 0},
	} {
		if tt.callers == 1 && !nightly() {
			break
		}
		w := newWorld(t, 1, tt.callers)
		w.step, w.compare = 6*time.Minute, nightly()
		w.skip(24*time.Hour, tt.rate)
		for range 1000 {
			early := time.Duration(w.random.Int64N(int64(8 * time.Hour)))
			w.run(early, tt.rate/10, 0)
			w.requests(0, 1)
			w.run(8*time.Hour-early, tt.rate/10, 0)
			w.skip(16*time.Hour, tt.rate)
		}
		t.Logf("%v requests a second of %d callers: %d pages, %d tickets, %d pages by the workbook alone", tt.rate, tt.callers, w.pages, w.tickets, w.workbook)
		if w.pages > 0 || (w.compare && w.workbook < tt.workbook) {
			t.Errorf("%v requests a second of %d callers: %d pages, and %d by the workbook alone", tt.rate, tt.callers, w.pages, w.workbook)
		}
	}
}

func nightly() bool { return os.Getenv("ASHLAR_NIGHTLY") == "1" }

func TestHalfTheBudgetUsedEvenlyWakesNobody(t *testing.T) {
	for _, rate := range []float64{37 * perDay, 0.01, 0.1, 1, 1000} {
		w := newWorld(t, 1, 50)
		w.step, w.compare = 2*time.Minute, nightly()
		w.run(month, rate, 0.0005)
		t.Logf("%v requests a second: %d pages, %d tickets, %d pages by the workbook alone", rate, w.pages, w.tickets, w.workbook)
		if left := w.watch.Statuses(w.now)[0].BudgetLeft; rate >= 1 && math.Abs(left-0.5) > 0.1 {
			t.Errorf("%v requests a second: %v of the budget is left, want half", rate, left)
		}
		if w.pages > 0 {
			t.Errorf("%v requests a second: %d pages", rate, w.pages)
		}
	}
}

// One client of many that sends what the server cannot answer is no outage. It is one if the client is most of the traffic.
func TestOneBrokenClientWakesNobody(t *testing.T) {
	for _, tt := range []struct {
		name   string
		others uint64
		pages  int
	}{{"of many", 98, 0}, {"the only one", 0, 1}} {
		w := newWorld(t, 1, 50)
		w.skip(24*time.Hour, 1)
		for range 360 {
			w.now = w.now.Add(w.step)
			w.watch.Add(0, w.now, Counts{Good: tt.others, Bad: 2, Caller: 7, CallerEvents: 2})
			w.evaluate()
		}
		if w.pages != tt.pages {
			t.Errorf("%s: %d pages, want %d", tt.name, w.pages, tt.pages)
		}
	}
}

func TestAnAlertEndsAfterTheOutage(t *testing.T) {
	for _, rate := range []float64{0.01, 1, 1000} {
		w := newWorld(t, 1, 50)
		w.skip(24*time.Hour, rate)
		for w.pages == 0 {
			w.run(w.step, rate, 1)
		}
		w.run(2*time.Minute, rate, 1)
		mended := w.now
		for w.watch.all[0].alerts[0].firing && w.now.Sub(mended) < 24*time.Hour {
			w.run(w.step, rate, 0)
		}
		took, most := w.now.Sub(mended), map[float64]time.Duration{0.01: 2 * time.Hour, 1: 12 * time.Minute, 1000: 12 * time.Minute}[rate]
		t.Logf("%v requests a second: over after %v", rate, took)
		w.run(6*time.Hour, rate, 0)
		if took < pageHold || took > most || w.pages != 1 {
			t.Errorf("%v requests a second: %d pages, over after %v, want at most %v", rate, w.pages, took, most)
		}
	}
}
