package migrate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Entry is one change of the model of a database.
type Entry struct {
	ID       int64
	State    State
	Started  time.Time
	Finished time.Time // zero if it is not finished
	By       string
	Changes  []string
	Steps    []StepLog
	Copy     string // file with the old database; "" for none
	Model    string // model that the change led to, as snapshot.Encode writes it
	Damage   string // says what cannot be read and is left empty; "" for nothing
}

// isOpen reports whether something is left to take back or to finish. It reports true for an unknown state.
func (e Entry) isOpen() bool { return e.State != Done && e.State != Undone }

// errDamaged returns the error of work that needs an unreadable entry.
func (e Entry) errDamaged() error {
	return fmt.Errorf("entry %d of the history of the database cannot be read: %s", e.ID, e.Damage)
}

// State says how far a change has come.
type State string

const (
	Preparing State = "preparing" // the next start takes back what was made so far
	Finishing State = "finishing" // the model is the new one; the next start goes on
	Done      State = "done"
	Undone    State = "undone" // the change failed or was interrupted before the switch, and was taken back
)

// StepLog is a statement that was run.
type StepLog struct {
	SQL    string        `json:"sql"`
	Millis int64         `json:"ms"`
	Took   time.Duration `json:"-"`
}

const (
	insertEntry = `INSERT INTO "ashlar_migrations" ("id", "state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model", "created_at", "updated_at", "_rev")
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)`
	updateEntry = `UPDATE "ashlar_migrations" SET "state" = $2, "finished" = $3, "steps" = $4, "todo" = $5, "updated_at" = $6, "_rev" = $7 WHERE "id" = $1`
	lastEntry   = `SELECT coalesce(max("id"), 0) FROM "ashlar_migrations"`
	selectAll   = `SELECT "id", "state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model" FROM "ashlar_migrations" ORDER BY "id"`

	// selectAll1 is selectAll for layout 1. PostgreSQL refuses to run a prepared statement again when its columns have got
	// another collation, so each layout has a text of its own.
	selectAll1 = selectAll + ` -- layout 1`
)

const historyTable = "ashlar_migrations"

// Tables is the fragment of system tables of this package. Each field of an entry is text, so that an entry that
// somebody has damaged can still be stored, moved and shown.
func Tables(*model.Model) []*model.Table {
	var fields []*model.Field
	for _, name := range []string{"state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model"} {
		fields = append(fields, system.Text(name))
	}
	return []*model.Table{system.NewTable(historyTable, model.Int, fields...)}
}

// remaining is the rest of the work for an open entry: statements that take the preparation back, or the rest of the
// change.
type remaining struct {
	Undo  []string   `json:"undo,omitempty"`
	After []deferred `json:"after,omitempty"`
}

// deferred is a statement that runs after the switch.
type deferred struct {
	SQL       string `json:"sql"`
	Table     string `json:"table,omitempty"`
	Loop      bool   `json:"loop,omitempty"`
	OutsideTx bool   `json:"alone,omitempty"`
}

// entryRow is an entry with the columns that only this package reads.
type entryRow struct {
	Entry
	remaining remaining
	backfills map[string]string // values that rows got for added fields, as literals, by table and column
}

func encode(v any) value.Value {
	text, err := json.Marshal(v)
	if err != nil {
		panic("migrate: history that JSON cannot hold: " + err.Error()) // the values are strings and numbers
	}
	return value.OfText(string(text))
}

func stamp(t time.Time) value.Value {
	if t.IsZero() {
		return value.OfText("")
	}
	return value.OfText(t.UTC().Format(time.RFC3339Nano))
}

func (r *entryRow) insert(session store.Session, now time.Time) error {
	id, err := plan.Count(session, lastEntry)
	if err != nil {
		return err
	}
	revision, err := system.Revision(session)
	if err != nil {
		return err
	}
	r.ID = id + 1
	_, err = session.Exec(insertEntry, []value.Value{value.OfInt(r.ID), value.OfText(string(r.State)), stamp(r.Started), stamp(r.Finished), value.OfText(r.By),
		encode(r.Changes), encode(r.Steps), encode(r.remaining), encode(r.backfills),
		value.OfText(r.Copy), value.OfText(r.Model), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)})
	if err != nil {
		return err
	}
	return session.MarkChanged(historyTable)
}

func (r *entryRow) update(session store.Session, now time.Time) error {
	revision, err := system.Revision(session)
	if err != nil {
		return err
	}
	_, err = session.Exec(updateEntry, []value.Value{value.OfInt(r.ID), value.OfText(string(r.State)), stamp(r.Finished), encode(r.Steps), encode(r.remaining),
		value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)})
	if err != nil {
		return err
	}
	return session.MarkChanged(historyTable)
}

// entries reads the history, the oldest entry first. A damaged entry is no error, since little depends on earlier
// changes.
func entries(reader plan.Querier) (all []entryRow, err error) {
	there, err := system.HasTable(reader, historyTable)
	if err != nil || !there {
		return nil, err
	}
	layout, err := system.Layout(reader)
	if err != nil {
		return nil, err
	}
	sql := selectAll
	if layout == 1 {
		sql = selectAll1
	}
	err = reader.Query(sql, nil, func(row value.Row) error {
		all = append(all, scanEntry(row))
		return nil
	})
	return all, err
}

func scanEntry(row value.Row) (entry entryRow) {
	var damage []string
	note := func(what string, err error) {
		if err != nil {
			damage = append(damage, what+": "+err.Error())
		}
	}
	text := func(col int) string { return string(row.Bytes(col)) }
	when := func(col int, what string) (t time.Time) { // returns zero for an empty text
		if text(col) != "" {
			var err error
			t, err = time.Parse(time.RFC3339Nano, text(col))
			note(what, err)
		}
		return t
	}
	list := func(col int, what string, into any) { note(what, json.Unmarshal(row.Bytes(col), into)) }
	entry.ID, entry.State, entry.By, entry.Copy, entry.Model = row.Int(0), State(text(1)), text(4), text(9), text(10)
	if !slices.Contains([]State{Preparing, Finishing, Done, Undone}, entry.State) {
		note("state", fmt.Errorf("there is no %q", entry.State))
	}
	entry.Started, entry.Finished = when(2, "started"), when(3, "finished")
	list(5, "changes", &entry.Changes)
	list(6, "steps", &entry.Steps)
	list(7, "todo", &entry.remaining)
	list(8, "given", &entry.backfills)
	for i := range entry.Steps {
		entry.Steps[i].Took = time.Duration(entry.Steps[i].Millis) * time.Millisecond
	}
	entry.Damage = strings.Join(damage, "; ")
	return entry
}

// damagedEntries returns the reasons why entries cannot be read.
func damagedEntries(all []entryRow) (damaged []string) {
	for _, entry := range all {
		if entry.Damage != "" {
			damaged = append(damaged, entry.errDamaged().Error())
		}
	}
	return damaged
}

// History returns the changes of the model of a database, the oldest first. It includes entries that can only be read
// in part.
func History(ctx context.Context, db store.DB) (all []Entry, err error) {
	defer errs.Wrap(&err, "migrate.History")
	err = db.Read(ctx, func(reader store.Reader) error {
		records, err := entries(reader)
		for _, e := range records {
			all = append(all, e.Entry)
		}
		return err
	})
	return all, err
}

// Since returns the entries of History after the one with an ID. It is cheap while there are none.
func Since(ctx context.Context, db store.DB, id int64) (later []Entry, err error) {
	defer errs.Wrap(&err, "migrate.Since(%d)", id)
	last := int64(0)
	err = db.Read(ctx, func(reader store.Reader) (err error) {
		last, err = plan.Count(reader, lastEntry)
		return err
	})
	if err != nil || last <= id {
		return nil, err
	}
	all, err := History(ctx, db)
	for _, entry := range all {
		if entry.ID > id {
			later = append(later, entry)
		}
	}
	return later, err
}

// Unfinished returns an errs.Conflict if a change of the tables was interrupted or still goes on.
func Unfinished(reader store.Reader) error {
	all, err := entries(reader)
	for _, entry := range all {
		if entry.isOpen() {
			return errs.New(errs.Conflict, "a change of the tables that began at %s is not finished: run `ashlar migrate`, or start a server", entry.Started.Format(time.RFC3339))
		}
	}
	return err
}

// decodeModel returns the model that an entry led to.
func (e Entry) decodeModel() (*model.Model, error) { return snapshot.Decode([]byte(e.Model)) }

// Release returns the layout of a database and who changed its tables last, with the release. Releases before the note of it
// left that in the history alone.
func Release(ctx context.Context, db store.DB) (layout int, by string, err error) {
	defer errs.Wrap(&err, "migrate.Release")
	err = db.Read(ctx, func(reader store.Reader) error {
		if layout, err = system.Layout(reader); err != nil {
			return err
		}
		found := false
		if by, found, err = system.Get(reader, system.ReleaseKey); err != nil || found {
			return err
		}
		all, err := entries(reader)
		if err == nil && len(all) > 0 {
			by = all[len(all)-1].By
		}
		return err
	})
	return layout, by, err
}
