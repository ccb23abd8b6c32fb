package watch

import (
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const (
	longTurn  = 200 * time.Millisecond // mean wait that is told
	shortTurn = 50 * time.Millisecond  // mean wait at which it is over
	leastTurn = 5                      // waits from which a mean says something
)

// queues finds out when reads wait long for a connection, and writes for their turn.
type queues struct {
	lines map[string]*line
}

func (q *queues) look(now time.Time, stats store.Stats) (events []archive.Event) {
	for _, pool := range stats.Pools {
		who, what := "Writes", fmt.Sprintf("for one of %d connections", pool.Size)
		if pool.Name == "read" {
			who = "Reads"
		}
		if pool.Size == 1 {
			what = "for the only connection"
		}
		counts := waits{pool.Waits, pool.Refused, pool.Waited, pool.Waiting}
		events = append(events, q.line("pool "+pool.Name).look(now, archive.EventLimit, who, what, counts)...)
	}
	w := stats.Writer
	counts := waits{w.Writes, w.Refused, w.Waited, w.Waiting}
	return append(events, q.line("writer").look(now, archive.EventLock, "Writes", "for their turn", counts)...)
}

func (q *queues) line(name string) *line {
	if q.lines == nil {
		q.lines = map[string]*line{}
	}
	if q.lines[name] == nil {
		q.lines[name] = &line{}
	}
	return q.lines[name]
}

// waits are counts since the start, and the callers that wait at this moment.
type waits struct {
	count, refused int64
	took           time.Duration
	present        int
}

// line is one queue between two looks.
type line struct {
	known  bool
	counts waits
	long   time.Time // since when callers wait long; zero while they do not
}

// look judges the waits since the last look. who waits and what for are words of the text.
func (l *line) look(now time.Time, kind, who, what string, counts waits) []archive.Event {
	before, known := l.counts, l.known
	l.counts, l.known = counts, true
	if !known {
		return nil
	}
	number, refused := counts.count-before.count, counts.refused-before.refused
	mean := (counts.took - before.took) / time.Duration(max(number, 1))
	long := refused > 0 || (mean >= longTurn && number >= leastTurn)
	switch {
	case long && l.long.IsZero():
		l.long = now
		text := fmt.Sprintf("%s wait %s on average %s: %d wait at this moment", who, span(mean), what, counts.present)
		if refused > 0 {
			text += fmt.Sprintf(", %d were refused", refused)
		}
		return []archive.Event{event(kind, "%s.", text)}
	case !long && mean < shortTurn && !l.long.IsZero():
		lasted := now.Sub(l.long)
		l.long = time.Time{}
		return []archive.Event{over(kind, "%s no longer wait long %s, after %s.", who, what, span(lasted))}
	}
	return nil
}
