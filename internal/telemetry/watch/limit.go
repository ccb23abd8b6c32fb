package watch

import (
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const (
	storm      = 20               // refusals between two looks that are told
	stormPause = 30 * time.Second // without a refusal, after which a storm is over
)

// limits finds storms of refusals.
type limits struct {
	storms map[string]*refusals // by name of the limit
}

// refusals counts what one limit refused.
type refusals struct {
	since time.Time // of the storm; zero while there is none
	last  time.Time // refusal
	count int64     // of the storm
}

// look judges the refusals since the last look, by the name of the limit.
func (l *limits) look(now time.Time, refused map[string]int64, since time.Duration) (events []archive.Event) {
	if l.storms == nil {
		l.storms = map[string]*refusals{}
	}
	for name, n := range refused {
		own := l.storms[name]
		if own == nil {
			own = &refusals{}
			l.storms[name] = own
		}
		own.last = now
		own.count += n
		if own.since.IsZero() && n < storm {
			own.count = 0
		}
		if own.since.IsZero() && n >= storm {
			own.since = now.Add(-since)
			events = append(events, event(archive.EventLimit, "The limit %s refused %s in %s.", name, count(n, "request", "requests"), span(since)))
		}
	}
	for name, own := range l.storms {
		if now.Sub(own.last) < stormPause {
			continue
		}
		if !own.since.IsZero() {
			events = append(events, over(archive.EventLimit, "The limit %s refuses nothing any more. It refused %s in %s.",
				name, count(own.count, "request", "requests"), span(own.last.Sub(own.since))))
		}
		delete(l.storms, name)
	}
	slices.SortFunc(events, func(a, b archive.Event) int { return strings.Compare(a.Text, b.Text) })
	return events
}
