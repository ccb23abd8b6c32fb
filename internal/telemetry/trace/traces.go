package trace

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Sizes of the rings, in traces.
const (
	ringSize = 2000
	keptSize = 256 // of the ring of slow ones, and of the ring of failed ones
)

// Of the healthy traces of a second, the first ones are all kept, then a share. Else a busy server would remember
// a tenth of a second, and pay for all of them.
const (
	allOf   = 100
	shareOf = 0.1
)

// A Keeper keeps slow and failed traces for longer than memory does. It is called on the goroutine of the work, and must not
// block.
type Keeper interface{ PutTrace(t Trace) }

// Config configures Traces. The zero value works.
type Config struct {
	Slow     time.Duration // traces from this duration on are slow; default: 200 ms
	Keeper   Keeper        // default: slow and failed traces stay only in memory
	Exporter *Exporter     // default: no export
}

// Traces keeps the last 2,000 traces: of a second all slow and failed ones, the first 100 others, and a tenth of the rest. It
// keeps the last 256 slow and the last 256 failed ones for longer. It is a telemetry.Sink. It needs about 1.5 MB for short requests with one statement each, and at most 12 MB.
type Traces struct {
	cfg    Config
	texts  *texts
	recent *ring
	slow   *ring
	failed *ring
	number atomic.Uint64 // of the last trace
	sample telemetry.Sampler

	second, handed atomic.Int64 // the second of the last trace for the Keeper, and how many it got in it
}

// mostHanded bounds the traces that a Keeper gets in one second. In a storm of failures, more of the same help nobody.
const mostHanded = 100

// New returns Traces without a trace.
func New(cfg Config) *Traces {
	cfg.Slow = cmp.Or(cfg.Slow, 200*time.Millisecond)
	t := &Traces{cfg: cfg, texts: newTexts(), recent: newRing(ringSize), slow: newRing(keptSize), failed: newRing(keptSize)}
	t.sample.Free, t.sample.Share = allOf, shareOf
	if cfg.Exporter != nil {
		cfg.Exporter.texts = t.texts
	}
	return t
}

// Take implements telemetry.Sink. Idle jobs leave no trace.
func (t *Traces) Take(r *telemetry.Record) {
	if r.Idle {
		return
	}
	number, isSlow, hasFailed := t.number.Add(1), r.Busy() >= t.cfg.Slow, r.Failed()
	if isSlow || hasFailed || t.sample.Weigh(r, r.Start.Unix()) > 0 {
		t.recent.put(number, r, isSlow, t.texts)
	}
	if isSlow {
		t.slow.put(number, r, isSlow, t.texts)
	}
	if hasFailed {
		t.failed.put(number, r, isSlow, t.texts)
	}
	if t.cfg.Exporter != nil {
		t.cfg.Exporter.take(number, r, isSlow)
	}
	if t.cfg.Keeper != nil && (isSlow || hasFailed) && t.mayHand(r.Start.Add(r.Duration).Unix()) {
		var copied slot
		copied.write(number, r, isSlow, t.texts)
		t.cfg.Keeper.PutTrace(copied.read(t.texts))
	}
}

// mayHand counts a trace for the Keeper in a second.
func (t *Traces) mayHand(second int64) bool {
	if last := t.second.Load(); last != second && t.second.CompareAndSwap(last, second) {
		t.handed.Store(0)
	}
	return t.handed.Add(1) <= mostHanded
}

// Recent returns the kept traces that a filter selects, the newest first.
func (t *Traces) Recent(f Filter) []Trace {
	type numbered struct {
		number uint64
		trace  *Trace
	}
	var found []numbered
	for _, ring := range []*ring{t.recent, t.slow, t.failed} {
		ring.each(t.texts, func(number uint64, trace *Trace) {
			if f.matches(trace) {
				found = append(found, numbered{number, trace})
			}
		})
	}
	slices.SortFunc(found, func(a, b numbered) int { return cmp.Compare(b.number, a.number) })
	found = slices.CompactFunc(found, func(a, b numbered) bool { return a.number == b.number })
	found = found[:min(len(found), cmp.Or(f.Limit, 100))]
	list := make([]Trace, len(found))
	for i, one := range found {
		list[i] = *one.trace
	}
	return list
}

// ByID returns the kept trace of a request's id, or the newest one with a trace id in hexadecimal digits.
func (t *Traces) ByID(id string) (found Trace, ok bool) {
	var newest uint64
	for _, ring := range []*ring{t.recent, t.slow, t.failed} {
		ring.each(t.texts, func(number uint64, trace *Trace) {
			if number > newest && (trace.ID == id || trace.Trace.String() == id) {
				found, newest, ok = *trace, number, true
			}
		})
	}
	return found, ok
}
