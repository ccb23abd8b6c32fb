package cron

import (
	"iter"
	"math"
	"time"
)

// largestShift is the largest change of the clock that is no correction of the calendar.
const largestShift = 3 * 60 * 60 // seconds

// The years 1 to 9999 in UTC, in which a Schedule has runs, in Unix seconds.
const (
	firstSecond = -62135596800
	afterYears  = 253402300800
)

// searchedPeriods bounds how many periods Next looks at. The rarest expression needs 40 years. No zone has changed its clock
// more than four times in a year, and package time splits some periods: see periodAt.
const searchedPeriods = 41 * 8

// A Schedule is an expression in a time zone.
type Schedule struct {
	expression Expression
	zone       *time.Location
}

// In returns the schedule of the expression in a zone.
func (e Expression) In(zone *time.Location) Schedule { return Schedule{expression: e, zone: zone} }

// Next returns the first run after a moment. It returns false only if that is in none of the years 1 to 9999.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	from := after.Unix() + 1 // a run is at a whole second
	if from < firstSecond || from >= afterYears {
		return time.Time{}, false
	}
	days := search{expression: s.expression}
	for range searchedPeriods {
		p := periodAt(s.zone, from)
		if run, ok := days.in(p, from); ok && run < afterYears {
			return time.Unix(run, 0).In(s.zone), true
		}
		if p.end >= afterYears {
			break
		}
		from = p.end
	}
	return time.Time{}, false
}

// Between returns the runs that are not before from, and before to. Runs of adjacent intervals follow each other without a
// gap and without a run twice.
func (s Schedule) Between(from, to time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		after := from.Add(-1)
		for {
			run, ok := s.Next(after)
			if !ok || !run.Before(to) || !yield(run) {
				return
			}
			after = run
		}
	}
}

// Upcoming returns the next count runs after a moment.
func (s Schedule) Upcoming(after time.Time, count int) []time.Time {
	var runs []time.Time
	for range count {
		run, ok := s.Next(after)
		if !ok {
			break
		}
		runs, after = append(runs, run), run
	}
	return runs
}

// A period is the time between two changes of a zone's clock, in Unix seconds.
type period struct {
	start, end int64 // end is not in the period
	offset     int64 // local time minus UTC, in seconds
	before     int64 // the offset before start, if start is near; otherwise offset
}

func periodAt(zone *time.Location, at int64) period {
	local := time.Unix(at, 0).In(zone)
	_, offset := local.Zone()
	p := period{start: math.MinInt64, end: math.MaxInt64, offset: int64(offset), before: int64(offset)}
	start, end := local.ZoneBounds()
	if !end.IsZero() {
		// Beyond the changes that a zone's file lists, Go 1.26 cuts periods at the end of a year. In leap years it takes the
		// end of 30 December for it, and the period of the day after ends before it begins.
		if p.end = end.Unix(); p.end <= at {
			p.end = at + largestShift
		}
	}
	if !start.IsZero() {
		p.start = start.Unix()
		if at-p.start <= largestShift {
			_, before := time.Unix(p.start-1, 0).In(zone).Zone()
			p.before = int64(before)
		}
	}
	return p
}

// A search looks for a run in one period after the other. It keeps the last local time that it found, because the next
// period often needs the same.
type search struct {
	expression  Expression
	from, found int64 // local minutes: found is the first time of the expression from from on
	any         bool
}

// in returns the first run of a period that is not before from, in Unix seconds.
func (s *search) in(p period, from int64) (int64, bool) {
	local := from + p.offset
	shift := p.offset - p.before
	if fixed := !s.expression.follows; fixed && -largestShift <= shift && shift <= largestShift {
		beforeChange := p.start + p.before // what the clock would show without the change
		switch {
		case shift > 0 && from == p.start:
			if skipped, ok := s.localFrom(beforeChange); ok && skipped < p.start+p.offset {
				return p.start, true
			}
		case shift < 0:
			local = max(local, beforeChange)
		}
	}
	found, ok := s.localFrom(local)
	run := found - p.offset
	return run, ok && run < p.end
}

// localFrom returns the first time of the expression from a local time on, in seconds.
func (s *search) localFrom(local int64) (int64, bool) {
	minute := floorDivide(local+59, 60)
	if !s.any || minute < s.from || minute > s.found {
		var ok bool
		if s.found, ok = s.expression.localFrom(minute); !ok {
			return 0, false
		}
		s.from, s.any = minute, true
	}
	return s.found * 60, true
}
