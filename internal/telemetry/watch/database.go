package watch

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// database finds out when the database goes away and comes back, and when another server answers for it.
type database struct {
	known  bool
	server store.Server // of the last answer

	away    time.Time // since when it does not answer; zero while it does
	refuses time.Time // since when it takes no writes
}

// look judges the answer to Server. refused is why writes fail, or nil.
func (d *database) look(now time.Time, found store.Server, err, refused error) (events []archive.Event) {
	if err != nil {
		if d.away.IsZero() {
			d.away = now
			events = append(events, event(archive.EventDatabase, "The database does not answer: %s.", reason(err)))
		}
		return events
	}
	if !d.away.IsZero() {
		events = append(events, over(archive.EventDatabase, "The database answers again, after %s.", span(now.Sub(d.away))))
		d.away = time.Time{}
	}
	if d.known {
		events = append(events, d.changes(found)...)
	}
	d.known, d.server = true, found
	return append(events, d.writes(now, refused)...)
}

// changes compares a server with the one that answered before.
func (d *database) changes(found store.Server) (events []archive.Event) {
	before := d.server
	tell := func(format string, args ...any) {
		events = append(events, event(archive.EventDatabase, format, args...))
	}
	switch {
	case found.Address != before.Address:
		tell("The database is on another server: %s, before %s.", found.Address, before.Address)
	case !found.Started.Equal(before.Started):
		tell("The database server restarted at %s.", found.Started.UTC().Format("15:04:05 UTC"))
	}
	if found.Version != before.Version {
		tell("The database server has version %s, before %s.", found.Version, before.Version)
	}
	switch {
	case found.Standby && !before.Standby:
		tell("The database server is a standby, which takes no writes.")
	case !found.Standby && before.Standby:
		tell("The database server was a standby, and takes writes now.")
	}
	return events
}

func (d *database) writes(now time.Time, refused error) (events []archive.Event) {
	switch {
	case refused != nil && d.refuses.IsZero():
		d.refuses = now
		events = append(events, event(archive.EventDatabase, "The database takes no writes: %s.", reason(refused)))
	case refused == nil && !d.refuses.IsZero():
		events = append(events, over(archive.EventDatabase, "The database takes writes again, after %s.", span(now.Sub(d.refuses))))
		d.refuses = time.Time{}
	}
	return events
}
