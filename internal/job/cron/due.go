package cron

import (
	"slices"
	"time"
)

// A Policy says what becomes of runs that were missed, because no server was there to start them.
type Policy string

const (
	Once  Policy = "once"  // one run makes up for all that were missed
	Every Policy = "every" // each missed run is made up for, up to MostMissed
	Skip  Policy = "skip"  // missed runs are forgotten
)

// Policies returns the policies.
func Policies() []Policy { return []Policy{Once, Every, Skip} }

const (
	// MostMissed bounds the runs that Every makes up for. The newest are kept: they are about the data that people look at
	// now. A job of every minute reaches the bound after 16 hours and 40 minutes.
	MostMissed = 1000

	// OnTime is how late a run may start and is not missed. A new leader needs up to 20 seconds to take over.
	OnTime = time.Minute
)

// Due returns the runs to start now, in order, for a job whose last run was due at last. For a job that never ran, or whose
// schedule has changed, last is the moment at which its first server saw it. A run that is more than OnTime late is missed. cut
// is true if Every has left out older runs.
//
// If now is before last, because a clock went back, nothing is due until it has caught up. So a run is never started twice.
func (s Schedule) Due(last, now time.Time, missed Policy) (runs []time.Time, cut bool) {
	bound, after := 1, last
	switch missed {
	case Every:
		bound = MostMissed
	case Skip:
		// now-OnTime is on time itself. Runs are at whole seconds.
		bound = int(OnTime/time.Minute) + 1
		if since := now.Add(-OnTime - 1); since.After(last) {
			after = since
		}
	}
	before := now.Add(1) // a run at now is due
	for len(runs) < bound {
		run, ok := s.newest(after, before)
		if !ok {
			break
		}
		runs, before = append(runs, run), run
	}
	if missed == Every && len(runs) == bound {
		_, cut = s.newest(after, before)
	}
	slices.Reverse(runs)
	return runs, cut
}

// newest returns the last run that is after one moment and before another. Next never falls when its argument grows, so
// newest finds the run with a number of calls that grows with the logarithm of the time back to it.
func (s Schedule) newest(after, before time.Time) (time.Time, bool) {
	nextBefore := func(moment time.Time) (time.Time, bool) {
		run, ok := s.Next(moment)
		return run, ok && run.Before(before)
	}
	low, high := after, before
	for step := time.Minute; ; step *= 2 {
		near := before.Add(-step)
		if step <= 0 || !near.After(after) {
			break
		}
		if _, ok := nextBefore(near); ok {
			low = near
			break
		}
		high = near
	}
	run, found := time.Time{}, false
	for {
		next, ok := nextBefore(low)
		if !ok {
			return run, found
		}
		run, found, low = next, true, next
		if middle := low.Add(high.Sub(low) / 2); middle.After(low) {
			if _, ok := nextBefore(middle); ok {
				low = middle
			} else {
				high = middle
			}
		}
	}
}
