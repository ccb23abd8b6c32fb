package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// fixture is a database with a table notes (id, body unique).
type fixture struct {
	t       *testing.T
	db      store.DB
	open    func(*testing.T) store.DB
	writers int
	holds   int // calls of hold, for each writer
}

const createNotes = `CREATE TABLE notes (id bigint PRIMARY KEY, body text NOT NULL UNIQUE)`

func newFixture(t *testing.T, writers int, open func(*testing.T) store.DB) *fixture {
	f := &fixture{t: t, db: open(t), open: open, writers: writers}
	t.Cleanup(func() { _ = f.db.Close() }) // fails if the test has closed it
	f.exec(createNotes)
	return f
}

// reopen closes the database and opens it again.
func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.db.Close(); err != nil {
		f.t.Fatalf("Close() = %v", err)
	}
	f.openAgain()
}

func (f *fixture) openAgain() { f.db = f.open(f.t) }

// exec runs one statement in a transaction of its own.
func (f *fixture) exec(sql string, args ...value.Value) {
	f.t.Helper()
	f.write(func(tx store.Tx) error {
		_, err := tx.Exec(sql, args)
		return err
	})
}

func (f *fixture) write(fn func(store.Tx) error) {
	f.t.Helper()
	if err := f.db.Write(context.Background(), fn); err != nil {
		f.t.Fatalf("Write() = %v", err)
	}
}

func (f *fixture) read(fn func(store.Reader) error) {
	f.t.Helper()
	if err := f.db.Read(context.Background(), fn); err != nil {
		f.t.Fatalf("Read() = %v", err)
	}
}

const insertNote = `INSERT INTO notes (id, body) VALUES ($1, $2)`

func note(id int64, body string) []value.Value {
	return []value.Value{value.OfInt(id), value.OfText(body)}
}

func addNote(tx store.Tx, id int64, body string) error {
	_, err := tx.Exec(insertNote, note(id, body))
	return err
}

// count returns the one number of a query.
func count(reader store.Reader, sql string, args ...value.Value) (n int64, err error) {
	err = reader.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}

const countNotes = `SELECT count(*) FROM notes`

func (f *fixture) wantNotes(want int64) {
	f.t.Helper()
	f.read(func(reader store.Reader) error {
		got, err := count(reader, countNotes)
		if got != want {
			f.t.Errorf("%d notes, want %d", got, want)
		}
		return err
	})
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if got := errs.KindOf(err); got != want {
		t.Errorf("%s = %v, of kind %q, want %q", what, err, got, want)
	}
}

// soon fails the test if done is not closed within a time that no working engine needs.
func soon[T any](t *testing.T, what string, done <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing after 20 s", what)
	}
	return v
}
