package migrate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Entry is one change of a database's model.
type Entry struct {
	ID       int64
	State    State
	Started  time.Time
	Finished time.Time // zero while it is not
	By       string
	Changes  []string
	Steps    []StepLog
	Copy     string // of the database as it was before; "" for none
	Model    string // the model that it led to, as snapshot.Encode writes it
	Damage   string // what of it cannot be read, and is left empty here; "" for nothing
}

// open says whether there is something left to take back or to finish. Of a state that is not known it cannot be told.
func (e Entry) isOpen() bool { return e.State != Done && e.State != Undone }

// damaged is the error of what cannot be done since the entry cannot be read.
func (e Entry) errDamaged() error {
	return fmt.Errorf("entry %d of the history of the database cannot be read: %s", e.ID, e.Damage)
}

// State is how far a change has come.
type State string

const (
	Preparing State = "preparing" // what was made so far is taken back by the next to start
	Finishing State = "finishing" // the model is the new one; the next to start goes on
	Done      State = "done"
	Undone    State = "undone" // it was interrupted before the switch, or failed, and taken back
)

// Ran is a statement that was run.
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

// Tables is the fragment of system tables of this package. What an entry holds is text, whatever it is: one that somebody
// has damaged can then still be stored, moved and shown.
func Tables() []*model.Table {
	var fields []*model.Field
	for _, name := range []string{"state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model"} {
		fields = append(fields, system.Text(name))
	}
	return []*model.Table{system.NewTable(historyTable, model.Int, fields...)}
}

// todo is what is left to do of an entry that is not done: to take back what was prepared, or to finish.
type remaining struct {
	Undo  []string   `json:"undo,omitempty"`
	After []deferred `json:"after,omitempty"`
}

// later is a statement of after the switch.
type deferred struct {
	SQL       string `json:"sql"`
	Table     string `json:"table,omitempty"`
	Loop      bool   `json:"loop,omitempty"`
	OutsideTx bool   `json:"alone,omitempty"`
}

// entryRow is an entry as it is stored.
type entryRow struct {
	Entry
	remaining remaining
	backfills map[string]string // what rows got for a field that was added, as a literal, by table and column
}

func encode(v any) value.Value {
	text, err := json.Marshal(v)
	if err != nil {
		panic("migrate: history that JSON cannot hold: " + err.Error()) // strings and numbers
	}
	return value.OfText(string(text))
}

func stamp(t time.Time) value.Value {
	if t.IsZero() {
		return value.OfText("")
	}
	return value.OfText(t.UTC().Format(time.RFC3339Nano))
}

func (r *entryRow) insert(s store.Session, now time.Time) error {
	id, err := count(s, lastEntry)
	if err != nil {
		return err
	}
	revision, err := system.Revision(s)
	if err != nil {
		return err
	}
	r.ID = id + 1
	_, err = s.Exec(insertEntry, []value.Value{value.OfInt(r.ID), value.OfText(string(r.State)), stamp(r.Started), stamp(r.Finished), value.OfText(r.By),
		encode(r.Changes), encode(r.Steps), encode(r.remaining), encode(r.backfills),
		value.OfText(r.Copy), value.OfText(r.Model), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)})
	if err != nil {
		return err
	}
	return s.Touch(historyTable)
}

func (r *entryRow) update(s store.Session, now time.Time) error {
	revision, err := system.Revision(s)
	if err != nil {
		return err
	}
	_, err = s.Exec(updateEntry, []value.Value{value.OfInt(r.ID), value.OfText(string(r.State)), stamp(r.Finished), encode(r.Steps), encode(r.remaining),
		value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)})
	if err != nil {
		return err
	}
	return s.Touch(historyTable)
}

// entries reads the history, the oldest first. What is damaged is no error: not much depends on what was done before.
func entries(q querier) (all []entryRow, err error) {
	there, err := system.HasTable(q, historyTable)
	if err != nil || !there {
		return nil, err
	}
	layout, err := system.Layout(q)
	if err != nil {
		return nil, err
	}
	sql := selectAll
	if layout == 1 {
		sql = selectAll1
	}
	err = q.Query(sql, nil, func(row value.Row) error {
		all = append(all, scanEntry(row))
		return nil
	})
	return all, err
}

func scanEntry(row value.Row) (r entryRow) {
	var damage []string
	note := func(what string, err error) {
		if err != nil {
			damage = append(damage, what+": "+err.Error())
		}
	}
	text := func(col int) string { return string(row.Bytes(col)) }
	when := func(col int, what string) (t time.Time) { // zero where it is empty
		if text(col) != "" {
			var err error
			t, err = time.Parse(time.RFC3339Nano, text(col))
			note(what, err)
		}
		return t
	}
	list := func(col int, what string, into any) { note(what, json.Unmarshal(row.Bytes(col), into)) }
	r.ID, r.State, r.By, r.Copy, r.Model = row.Int(0), State(text(1)), text(4), text(9), text(10)
	if !slices.Contains([]State{Preparing, Finishing, Done, Undone}, r.State) {
		note("state", fmt.Errorf("there is no %q", r.State))
	}
	r.Started, r.Finished = when(2, "started"), when(3, "finished")
	list(5, "changes", &r.Changes)
	list(6, "steps", &r.Steps)
	list(7, "todo", &r.remaining)
	list(8, "given", &r.backfills)
	for i := range r.Steps {
		r.Steps[i].Took = time.Duration(r.Steps[i].Millis) * time.Millisecond
	}
	r.Damage = strings.Join(damage, "; ")
	return r
}

// damagedOf says of each entry that cannot be read why.
func damagedEntries(all []entryRow) (damaged []string) {
	for _, e := range all {
		if e.Damage != "" {
			damaged = append(damaged, e.errDamaged().Error())
		}
	}
	return damaged
}

// History returns the changes of a database's model, the oldest first, also those that cannot be read whole.
func History(ctx context.Context, db store.DB) (all []Entry, err error) {
	defer errs.Wrap(&err, "migrate.History")
	err = db.Read(ctx, func(r store.Reader) error {
		records, err := entries(r)
		for _, e := range records {
			all = append(all, e.Entry)
		}
		return err
	})
	return all, err
}

// Unfinished returns an errs.Conflict where a change of the tables was interrupted, or goes on.
func Unfinished(r store.Reader) error {
	all, err := entries(r)
	for _, e := range all {
		if e.isOpen() {
			return errs.New(errs.Conflict, "a change of the tables that began at %s is not finished: run `ashlar migrate`, or start a server", e.Started.Format(time.RFC3339))
		}
	}
	return err
}

// modelOf is the model that an entry led to.
func (e Entry) decodeModel() (*model.Model, error) { return snapshot.Decode([]byte(e.Model)) }
