package watch

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Backlog is background work that waits, and that was given up.
type Backlog struct {
	Name    string        // for people, in the plural: mails
	Waiting int           // units that are due
	Longest time.Duration // of the unit that has been under way for longest
	GivenUp int64         // units, since the start of the process
}

// longWay is the time under way that is told.
const longWay = 5 * time.Second

// backlogs finds work that hangs, and work that was given up.
type backlogs struct {
	known map[string]*backlog
}

type backlog struct {
	givenUp int64
	hangs   time.Time // since when; zero while it does not
}

func (b *backlogs) look(now time.Time, list []Backlog) (events []archive.Event) {
	if b.known == nil {
		b.known = map[string]*backlog{}
	}
	tell := func(format string, args ...any) { events = append(events, event(archive.EventJob, format, args...)) }
	for _, one := range list {
		own := b.known[one.Name]
		if own == nil {
			own = &backlog{}
			b.known[one.Name] = own
		}
		if n := one.GivenUp - own.givenUp; n > 0 {
			tell("%d %s were given up.", n, one.Name)
		}
		own.givenUp = one.GivenUp
		switch hangs := one.Longest >= longWay; {
		case hangs && own.hangs.IsZero():
			own.hangs = now.Add(-one.Longest)
			tell("The %s are slow: one has been under way for %s, and %d wait.", one.Name, span(one.Longest), one.Waiting)
		case !hangs && !own.hangs.IsZero():
			events = append(events, over(archive.EventJob, "The %s are no longer slow, after %s.", one.Name, span(now.Sub(own.hangs))))
			own.hangs = time.Time{}
		}
	}
	return events
}
