package archive

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// The kinds of events that the archive itself writes. Others choose their own words.
const (
	EventError = "error" // a group of errors that is new
)

// An Event is something that happened to the app, for the timeline of incidents: a deploy, a migration, a full disk.
type Event struct {
	At      time.Time // zero means now
	Kind    string
	Text    string // one line for people
	Details string // more, in any form
	Node    string // where it happened; set by PutEvent
}

const insertEvent = `INSERT INTO events (at, kind, text, details, node) VALUES (?1, ?2, ?3, ?4, ?5)`

// The longest texts of events, incidents and notes, in characters.
const (
	maxLine    = 500
	maxDetails = 16_000
)

// PutEvent keeps an event. It does not wait until it is written.
func (a *Archive) PutEvent(e Event) {
	if e.At.IsZero() {
		e.At = a.cfg.Now()
	}
	a.queue.addJob(func(tx *transaction) error {
		return tx.run(insertEvent, e.At.UnixMicro(), errs.Clip(e.Kind, 40), errs.Clip(e.Text, maxLine), errs.Clip(e.Details, maxDetails), a.cfg.Process.Node)
	})
}

const selectEvents = `SELECT at, kind, text, details, node FROM events WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT ?3`

// Events returns the newest events between two times, the newest first.
func (a *Archive) Events(ctx context.Context, from, to time.Time, limit int) (list []Event, err error) {
	defer errs.Wrap(&err, "archive.Events")
	err = a.read(ctx, func(conn *lite.Conn) error {
		return query(conn, selectEvents, func(row *lite.Stmt) error {
			list = append(list, Event{time.UnixMicro(row.ColumnInt64(0)), row.ColumnText(1), row.ColumnText(2), row.ColumnText(3), row.ColumnText(4)})
			return nil
		}, from.UnixMicro(), to.UnixMicro(), min(max(limit, 1), maxPage))
	})
	return list, err
}
