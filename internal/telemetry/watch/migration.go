package watch

import (
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Migration is a change of tables, by this server or by another program.
type Migration struct {
	ID      int64 // grows
	At      time.Time
	Took    time.Duration
	By      string // user, machine and program
	Changes []string
	Failed  bool
}

// maxChanges is how many changes the text of an event names.
const maxChanges = 4

func (m *Migration) event() archive.Event {
	what := strings.Join(m.Changes[:min(len(m.Changes), maxChanges)], "; ")
	if n := len(m.Changes); n > maxChanges {
		what += fmt.Sprintf("; and %d more", n-maxChanges)
	}
	text := "The tables were changed"
	if m.Failed {
		text = "A change of the tables failed and was taken back"
	}
	e := event(archive.EventMigration, "%s in %s by %s: %s.", text, span(m.Took), m.By, what)
	e.At, e.Details = m.At, strings.Join(m.Changes, "\n")
	return e
}
