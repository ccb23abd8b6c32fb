package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// jobFailures is how many failures in a row are told.
const jobFailures = 3

// work is what background work of one name did between two looks.
type work struct {
	done, failed int64
	last         string // error
}

// jobs finds background work that fails again and again.
type jobs struct {
	known map[string]*job
}

// job is background work of one name.
type job struct {
	row     int64     // failures since the last success
	failing time.Time // since when; zero while it succeeds
}

func (j *jobs) look(now time.Time, done map[string]work) (events []archive.Event) {
	if j.known == nil {
		j.known = map[string]*job{}
	}
	for _, name := range slices.Sorted(maps.Keys(done)) {
		own := j.known[name]
		if own == nil {
			own = &job{}
			j.known[name] = own
		}
		events = append(events, own.look(now, name, done[name])...)
	}
	return events
}

func (j *job) look(now time.Time, name string, w work) (events []archive.Event) {
	tell := func(format string, args ...any) { events = append(events, event(archive.EventJob, format, args...)) }
	if w.done > w.failed {
		j.row = 0
	}
	j.row += w.failed
	switch {
	case j.row >= jobFailures && j.failing.IsZero():
		j.failing = now
		tell("The job %s failed %s in a row: %s.", name, count(j.row, "time", "times"), w.last)
	case j.row == 0 && !j.failing.IsZero():
		events = append(events, over(archive.EventJob, "The job %s succeeds again, after %s.", name, span(now.Sub(j.failing))))
		j.failing = time.Time{}
	}
	return events
}
