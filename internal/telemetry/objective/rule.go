package objective

import "time"

// A rule is a burn rate of the SRE workbook: it holds when the budget was used factor times too fast in a long
// window, and still is in a short one. At that rate the long window uses the given share of the budget of 30 days.
type rule struct {
	severity    Severity
	factor      float64
	long, short time.Duration
	share       float64
}

var rules = [...]rule{
	{Page, 14.4, time.Hour, 5 * time.Minute, 0.02},
	{Page, 6, 6 * time.Hour, 30 * time.Minute, 0.05},
	{Ticket, 3, 24 * time.Hour, 2 * time.Hour, 0.10},
	{Ticket, 1, 3 * 24 * time.Hour, 6 * time.Hour, 0.10},
}

// The rules of the workbook count rates alone, so one failed request of a quiet night is a rate of 100 %. These bounds make
// them work with few events too.
const (
	leastBad    = 5   // bad events in the long window
	leastEvents = 100 // events in the long window: with fewer, both windows double

	// A page wakes somebody, so its windows grow no longer than a day. One failed request each night uses more than the budget
	// of a small app; that is a ticket.
	longestPage = 24 * time.Hour

	trickleEvents  = 20
	trickleShare   = 0.5
	trickleLongest = 24 * time.Hour
	trickleFirst   = 5 * time.Minute
	shortPart      = 12 // a short window is this part of its long one, as in the workbook
)

// A hit is a rule that holds.
type hit struct {
	window time.Duration
	burn   float64
	sum    Counts
}

// hits returns a rule of that severity that holds, if there is one.
func (s *series) hits(severity Severity, budget float64, now time.Time) (hit, bool) {
	most := s.window(now, month)
	if most.Bad < leastBad {
		return hit{}, false
	}
	if severity == Page {
		if most = s.window(now, longestPage); most.Bad < leastBad {
			return hit{}, false
		}
	}
	expected := s.expected(now)
	for i := range rules {
		r := &rules[i]
		if r.severity != severity || float64(most.Bad) < r.share*budget*expected {
			continue
		}
		if h, ok := s.burns(r, budget, expected, now); ok {
			return h, true
		}
	}
	if severity == Page {
		return s.trickles(budget, now)
	}
	return hit{}, false
}

// burns reports whether a rule of the workbook holds, and the bounds for few events. expected is the number of events of 30
// days.
func (s *series) burns(r *rule, budget, expected float64, now time.Time) (hit, bool) {
	age, limit, longest := now.Sub(s.begin), r.factor*budget, month
	if age < r.short || limit >= 1 {
		return hit{}, false
	}
	if r.severity == Page {
		longest = longestPage
	}
	long, short, sum := r.long, r.short, s.window(now, r.long)
	for sum.Total() < leastEvents && long < min(longest, age) {
		long, short = min(2*long, longest), min(2*short, longest/shortPart)
		sum = s.window(now, long)
	}
	if sum.Bad < leastBad || sum.share() < limit || float64(sum.Bad) < r.share*budget*expected || !affectsMany(&sum) {
		return hit{}, false
	}
	if recent := s.window(now, short); recent.share() < limit {
		return hit{}, false
	}
	return hit{long, sum.share() / budget, sum}, true
}

// trickles reports whether half of the events were bad in any span of time up to a day. It finds what uses too little of a
// month's budget for the other rules: an outage at an hour with few requests.
func (s *series) trickles(budget float64, now time.Time) (hit, bool) {
	if now.Sub(s.begin) < trickleFirst {
		return hit{}, false
	}
	limit := trickleShare
	if budget > trickleShare/2 { // an objective that allows as much
		limit = (1 + budget) / 2
	}
	for span := trickleFirst; ; span = min(2*span, trickleLongest) {
		sum := s.window(now, span)
		if sum.Total() >= trickleEvents && sum.share() >= limit && affectsMany(&sum) {
			short := max(span/shortPart, time.Minute)
			if recent := s.window(now, short); recent.Total() == 0 || recent.share() >= limit {
				return hit{span, sum.share() / budget, sum}, true
			}
		}
		if span == trickleLongest {
			return hit{}, false
		}
	}
}

// The present of burnsStill: the last minutes with enough events to tell.
const (
	presentFirst   = 5 * time.Minute
	presentLongest = 2 * time.Hour
	presentEvents  = 20
)

// burnsStill reports whether the budget is used too fast at present. The short window of the workbook's second rule alone
// would keep a page for half an hour after an outage.
func (s *series) burnsStill(budget float64, now time.Time) bool {
	span := presentFirst
	sum := s.window(now, span)
	for sum.Total() < presentEvents && span < presentLongest {
		span = min(2*span, presentLongest)
		sum = s.window(now, span)
	}
	return sum.Total() == 0 || sum.share() >= budget
}

// affectsMany reports whether several callers had bad events, or the one caller that makes most of the requests. A single
// broken client wakes nobody.
func affectsMany(sum *Counts) bool {
	return sum.Many || 2*sum.CallerEvents > sum.Total()
}
