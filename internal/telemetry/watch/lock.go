package watch

import (
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// leastWait is the wait for a lock that is told.
const leastWait = 2 * time.Second

// locks finds sessions that others wait for.
type locks struct {
	held map[string]*held // by store.Lock.Key
}

// held is a lock between two looks.
type held struct {
	store.Lock
	since time.Time // of the first look that found it, or of the longest wait
	told  bool
}

// look judges the locks that were found. failed reports whether writes failed since the last look because the database was
// locked for too long.
func (l *locks) look(now time.Time, found []store.Lock, failed bool) (events []archive.Event) {
	held := l.merge(now, found)
	for key, before := range l.held {
		if before.told && held[key] == nil {
			events = append(events, over(archive.EventLock, "The lock of %s is gone, after %s.", before.Holder, span(now.Sub(before.since))))
		}
	}
	l.held = held
	for _, one := range found {
		own := held[one.Key]
		if age := now.Sub(own.since); !own.told && (age >= leastWait || failed) {
			own.told = true
			events = append(events, own.event(age))
		}
	}
	if failed && len(found) == 0 {
		events = append(events, event(archive.EventLock, "Writes failed: another process held the write lock of the database for too long."))
	}
	return events
}

// merge returns the locks that were found, with what is known of them.
func (l *locks) merge(now time.Time, found []store.Lock) map[string]*held {
	all := map[string]*held{}
	for _, one := range found {
		own := &held{Lock: one, since: now.Add(-one.Longest)}
		if before := l.held[one.Key]; before != nil {
			own.told = before.told
			if before.since.Before(own.since) {
				own.since = before.since
			}
		}
		all[one.Key] = own
	}
	return all
}

func (h *held) event(age time.Duration) archive.Event {
	what := "the write lock of the database"
	if h.Table != "" {
		what = "a lock on " + h.Table
	}
	who := ""
	if h.Waiting > 0 {
		who = fmt.Sprintf(", and %s for it", count(int64(h.Waiting), "session waits", "sessions wait"))
	}
	holder := h.Holder
	if strings.Contains(holder, ", ") && !strings.HasSuffix(holder, ")") { // with its state
		holder += ","
	}
	return event(archive.EventLock, "%s has held %s for %s%s.", holder, what, span(age), who)
}
