package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// The kinds of events. The archive itself writes the first three.
const (
	EventError  = "error"  // a group of errors that is new
	EventStart  = "start"  // a process began
	EventDeploy = "deploy" // a process began with another build or model than the one before

	EventStop        = "stop"        // a process stopped
	EventMigration   = "migration"   // tables were changed
	EventSetting     = "setting"     // a setting was changed
	EventDatabase    = "database"    // the database went away, came back, is another server or takes no writes
	EventLock        = "lock"        // statements or writes waited long for a lock
	EventIndex       = "index"       // a query shape became slow
	EventLimit       = "limit"       // a limit refused many requests
	EventJob         = "job"         // background work failed, such as a mail that was given up
	EventBackup      = "backup"      // a backup failed, or succeeds again
	EventDisk        = "disk"        // the disk is full, or has room again
	EventCertificate = "certificate" // a certificate expired, or is about to
	EventClock       = "clock"       // the clock jumped
	EventAlert       = "alert"       // an alert began
	EventAlertOver   = "alert over"  // an alert ended
	EventAudit       = "audit"       // a deploy made something worse
	EventAudited     = "audited"     // a deploy made nothing worse
)

// Over is the Details of an event that tells that something is over.
const Over = "over"

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

// PutEvent keeps an event. It does not wait until it is written. While the file cannot be written, a hundred events wait: what
// filled the disk must be in the timeline afterwards.
func (a *Archive) PutEvent(e Event) {
	if e.At.IsZero() {
		e.At = a.cfg.Now()
	}
	e.Kind, e.Text, e.Details = errs.Clip(e.Kind, 40), errs.Clip(e.Text, maxLine), errs.Clip(e.Details, maxDetails)
	a.queue.addJob(job{keep: true, size: len(e.Text) + len(e.Details), run: func(tx *transaction) error {
		return tx.run(insertEvent, e.At.UnixMicro(), e.Kind, e.Text, e.Details, a.cfg.Process.Node)
	}})
}

const selectEvents = `SELECT at, kind, text, details, node FROM events WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC`

// Events returns the newest events between two times, the newest first. Without kinds it returns all of them.
func (a *Archive) Events(ctx context.Context, from, to time.Time, limit int, kinds ...string) (list []Event, err error) {
	defer errs.Wrap(&err, "archive.Events")
	limit = min(max(limit, 1), maxPage)
	err = a.read(ctx, func(conn *lite.Conn) error {
		err := query(conn, selectEvents, func(row *lite.Stmt) error {
			if len(list) == limit {
				return errEnough
			}
			e := Event{time.UnixMicro(row.ColumnInt64(0)), row.ColumnText(1), row.ColumnText(2), row.ColumnText(3), row.ColumnText(4)}
			if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
				list = append(list, e)
			}
			return nil
		}, from.UnixMicro(), to.UnixMicro())
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	return list, err
}

const selectLastProcess = `SELECT build, revision FROM processes ORDER BY id DESC LIMIT 1`

// noteStart writes the event of the begin of this process: a deploy if the last process had another build or model.
func (a *Archive) noteStart(tx *transaction) error {
	own := a.cfg.Process
	e := Event{Kind: EventStart, Text: fmt.Sprintf("a server started: build %s, model %s", orElse(own.Build, "unknown"), orElse(own.Revision, "unknown"))}
	err := query(tx.conn, selectLastProcess, func(row *lite.Stmt) error {
		build, revision := row.ColumnText(0), row.ColumnText(1)
		var changes []string
		if build != own.Build {
			changes = append(changes, fmt.Sprintf("build %s → %s", orElse(build, "unknown"), orElse(own.Build, "unknown")))
		}
		if revision != own.Revision {
			changes = append(changes, fmt.Sprintf("model %s → %s", orElse(revision, "unknown"), orElse(own.Revision, "unknown")))
		}
		if len(changes) > 0 {
			e.Kind, e.Text = EventDeploy, strings.Join(changes, ", ")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return tx.run(insertEvent, own.Started.UnixMicro(), e.Kind, errs.Clip(e.Text, maxLine), "", own.Node)
}
