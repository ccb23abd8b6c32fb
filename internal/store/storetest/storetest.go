// Package storetest is the suite that every engine of store.DB passes.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Run runs the suite. open opens the database of t, which is empty at first. If the suite closes the database and calls
// open again with the same t, open opens the same database. open leaves closing to the suite.
//
// The statements of the suite work in every dialect, with parameters as $1, $2, in the order of their use.
//
// writers is how many functions of Write the database runs at once.
func Run(t *testing.T, writers int, open func(t *testing.T) store.DB) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"a commit is visible", commitVisible},
		{"a failing function is undone", failureUndone},
		{"a panicking function is undone", panicUndone},
		{"neighbours of failing functions are unaffected", neighboursUnaffected},
		{"a refusal waits for the row it rests on", refusalWaits},
		{"a function starts from what it resets", functionResets},
		{"a context that ended before is not begun", endedContext},
		{"a context that ends while waiting is skipped", endedWhileWaiting},
		{"a context that ends while running cuts nothing", endedWhileRunning},
		{"more writes than can wait are refused", overload},
		{"a transaction is over after its function", usedAfter},
		{"changed rows are counted", changesCounted},
		{"a change and what came of it", changeThenRead},
		{"scripts do what functions do", scripts},
		{"scripts of many at once", scriptsTogether},
		{"revisions never repeat", revisions},
		{"counters count from one", counters},
		{"counters skip numbers", skips},
		{"generations move with commits", generations},
		{"generations inside a transaction are nobody else's", generationInside},
		{"a read is one snapshot", snapshot},
		{"an error of a row ends the query", rowError},
		{"queries nest", nested},
		{"a reader cannot write", readerWrites},
		{"a cancelled read stops", cancelledRead},
		{"a read ends with what Err of its context says", cutRead},
		{"a read with an ended context is not begun", endedRead},
		{"many readers at once", manyReaders},
		{"a panic in a read leaves the pool whole", readPanic},
		{"constraints are typed and leave the transaction usable", constraints},
		{"values of every kind come back", values},
		{"lists are bound as JSON", lists},
		{"loaded values of every kind come back", loadValues},
		{"many rows are loaded", loadMany},
		{"a load that fails says why", loadFails},
		{"references are checked after a load", loadReferences},
		{"a load is cut short", loadCut},
		{"a load works beside reads and writes", loadBeside},
		{"numbers are carried over", numbers},
		{"tables change", tablesChange},
		{"a panic in a change of tables undoes it", alterPanics},
		{"changes of tables take turns", alterTakesTurns},
		{"counters and generations follow a table", alterMovesNames},
		{"a change of tables ends with its context", alterEnds},
		{"queries are described", describes},
		{"an engine says what it does not do", unsupported},
		{"calls after Close are refused", afterClose},
		{"Close lets queued writes finish", closeDrains},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newFixture(t, writers, open)) })
	}
}

// fixture is a database with a table notes (id, body unique).
type fixture struct {
	t       *testing.T
	db      store.DB
	open    func(*testing.T) store.DB
	writers int
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
