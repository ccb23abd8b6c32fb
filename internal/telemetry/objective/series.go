package objective

import "time"

// Counts are the events of an objective in a span of time.
type Counts struct {
	Good, Bad    uint64
	Caller       uint64 // hash of the only caller with bad events; 0: nobody had one, or Many
	CallerEvents uint64 // good and bad events of that caller
	Many         bool   // several callers had bad events
}

// Total returns the number of all events.
func (c *Counts) Total() uint64 { return c.Good + c.Bad }

// share returns the share of bad events, 0 without events.
func (c *Counts) share() float64 {
	if c.Bad == 0 {
		return 0
	}
	return float64(c.Bad) / float64(c.Total())
}

// Merge adds other events. A caller without a bad event in its own span is known from an earlier one.
func (c *Counts) Merge(other *Counts) {
	switch {
	case other.Many || c.Many:
		c.Many, c.Caller, c.CallerEvents = true, 0, 0
	case other.Caller == 0:
	case c.Caller == 0 || (c.Bad == 0 && c.Caller != other.Caller):
		c.Caller, c.CallerEvents = other.Caller, other.CallerEvents
	case c.Caller == other.Caller:
		c.CallerEvents += other.CallerEvents
	case other.Bad > 0:
		c.Many, c.Caller, c.CallerEvents = true, 0, 0
	}
	c.Good += other.Good
	c.Bad += other.Bad
}

// A tier keeps the events of a time in buckets of one width.
type tier struct {
	width   time.Duration
	buckets []bucket // the bucket of slot n is at n modulo their number
}

type bucket struct {
	slot int64 // number of its span of time since 1970
	Counts
}

// The tiers of a series. Each event is counted in all of them. Together they have 828 buckets: 46 KB.
var tiers = [...]struct {
	width time.Duration
	count int
}{
	{10 * time.Second, 60},
	{time.Minute, 360},
	{15 * time.Minute, 288},
	{6 * time.Hour, 120},
}

const (
	month   = 30 * 24 * time.Hour // of a budget
	coarser = 3                   // index of the tier that covers a month
)

// A series is the history of one objective.
type series struct {
	begin time.Time // of the history
	tiers [len(tiers)]tier
}

func newSeries(begin time.Time) *series {
	s := &series{begin: begin}
	for i, t := range tiers {
		s.tiers[i] = tier{width: t.width, buckets: make([]bucket, t.count)}
	}
	return s
}

// add counts events. After a step of the clock, they count where the clock now is.
func (s *series) add(at time.Time, c *Counts) {
	for i := range s.tiers {
		t := &s.tiers[i]
		slot := at.UnixNano() / int64(t.width)
		b := &t.buckets[slot%int64(len(t.buckets))]
		if b.slot != slot {
			*b = bucket{slot: slot}
		}
		b.Merge(c)
	}
}

// addPast counts events of an earlier time. Where a tier keeps a later span in the place of that time, it is too old for the
// tier.
func (s *series) addPast(at time.Time, c *Counts) {
	for i := range s.tiers {
		t := &s.tiers[i]
		slot := at.UnixNano() / int64(t.width)
		b := &t.buckets[slot%int64(len(t.buckets))]
		if b.slot > slot {
			continue
		}
		if b.slot != slot {
			*b = bucket{slot: slot}
		}
		b.Merge(c)
	}
}

// window sums the events of the time before now. The finest tier that covers the window gives them, so its beginning is off
// by at most one bucket.
func (s *series) window(now time.Time, length time.Duration) (sum Counts) {
	t := &s.tiers[coarser]
	for i := range s.tiers {
		if covers := &s.tiers[i]; covers.width*time.Duration(len(covers.buckets)) >= length {
			t = covers
			break
		}
	}
	newest := now.UnixNano() / int64(t.width)
	count := min(int64(length/t.width), int64(len(t.buckets)))
	at := newest % int64(len(t.buckets))
	for slot := newest; slot > newest-count; slot-- {
		if b := &t.buckets[at]; b.slot == slot {
			sum.Merge(&b.Counts)
		}
		if at--; at < 0 {
			at = int64(len(t.buckets)) - 1
		}
	}
	return sum
}

// between sums the events between two times, of which the finest tier that reaches back knows. A bucket at the border counts in
// part.
func (s *series) between(from, to, now time.Time) (bad, total float64) {
	t := &s.tiers[coarser]
	for i := range s.tiers {
		if reaches := &s.tiers[i]; now.Sub(from) < reaches.width*time.Duration(len(reaches.buckets)-1) {
			t = reaches
			break
		}
	}
	width := int64(t.width)
	for slot := from.UnixNano() / width; slot <= earlier(to, now).UnixNano()/width; slot++ {
		b := &t.buckets[slot%int64(len(t.buckets))]
		if b.slot != slot || b.Total() == 0 {
			continue
		}
		begin, end := time.Unix(0, slot*width), earlier(time.Unix(0, (slot+1)*width), now)
		part := 1.0
		if whole := end.Sub(begin); whole > 0 {
			part = float64(earlier(end, to).Sub(later(begin, from))) / float64(whole)
		}
		bad += part * float64(b.Bad)
		total += part * float64(b.Total())
	}
	return bad, total
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// leastAge is the shortest history from which expected draws a conclusion.
const leastAge = time.Hour

// expected returns the number of events that 30 days have. A shorter history is taken for typical.
func (s *series) expected(now time.Time) float64 {
	sum := s.window(now, month)
	return float64(sum.Total()) * max(1, float64(month)/float64(max(now.Sub(s.begin), leastAge)))
}
