package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var errNo = errors.New("no")

func accept(value.Row) error { return nil }
func refuse(value.Row) error { return errNo }

// inserting is a script that inserts a row, then shows it to judge.
func inserting(id int64, judge func(value.Row) error) *store.Script {
	args := []value.Value{value.OfInt(id)}
	return &store.Script{Tables: []string{"rows"}, Steps: []store.Step{
		{Statement: store.Statement{SQL: insertTestRow, Args: args}},
		{Statement: store.Statement{SQL: `SELECT id FROM rows WHERE id = ?1`, Args: args}, Row: judge},
	}}
}

func one(sql string) *store.Script {
	return &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: sql}}}}
}

func runScript(db *DB, s *store.Script) (done bool, err error) {
	return db.Script(context.Background(), func(int64) (*store.Script, error) { return s, nil })
}

// openScripts opens a database with an empty table, where scripts find revisions.
func openScripts(t *testing.T, cfg Config) *DB {
	t.Helper()
	db := openRows(t, cfg)
	reserve(t, db)
	return db
}

func reserve(t *testing.T, db *DB) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error { _, err := tx.Revision(); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func rowsOf(t *testing.T, db *DB) (ids []int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT id FROM rows ORDER BY id`, nil, func(row value.Row) error { ids = append(ids, row.Int(0)); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// A lone script runs without a savepoint. It leaves nothing if it is refused, for whatever reason.
func TestLoneScriptLeavesNothing(t *testing.T) {
	db := openScripts(t, Config{WriteTimeout: 50 * time.Millisecond})
	write(t, db, `INSERT INTO rows (id, body) VALUES (1, 'x')`)
	for _, tt := range []struct {
		name   string
		script *store.Script
		want   errs.Kind // "": it is refused
	}{
		{"a row refuses it", inserting(2, refuse), ""},
		{"a constraint refuses its first statement", inserting(1, accept), ""},
		{"a constraint refuses its last statement", &store.Script{Steps: append(inserting(2, accept).Steps, inserting(1, accept).Steps[0])}, ""},
		{"a constraint undoes the transaction", &store.Script{Steps: append(inserting(2, accept).Steps, one(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'x')`).Steps...)}, ""},
		{"a row panics", inserting(2, func(value.Row) error { panic("a defect") }), errs.Internal},
		{"a statement is wrong", &store.Script{Steps: append(inserting(2, accept).Steps, one(`SELECT nothing FROM rows`).Steps...)}, errs.Internal},
		{"a statement ends the transaction", &store.Script{Steps: append(inserting(2, accept).Steps, one(`COMMIT`).Steps...)}, errs.Internal},
		{"a statement takes too long", &store.Script{Steps: append(inserting(2, accept).Steps, one(endless+`INSERT INTO rows (id, body) SELECT i + 10, 'x' FROM n`).Steps...)}, errs.Unavailable},
	} {
		done, err := runScript(db, tt.script)
		if done || (err != nil) != (tt.want != "") || (err != nil && errs.KindOf(err) != tt.want) {
			t.Errorf("%s: Script() = %t, %v, want an error of kind %q", tt.name, done, err, tt.want)
		}
		if ids := rowsOf(t, db); !slices.Equal(ids, []int64{1}) {
			t.Errorf("%s: the rows are %v", tt.name, ids)
		}
	}
	if done, err := runScript(db, inserting(2, accept)); !done || err != nil {
		t.Errorf("the next script: Script() = %t, %v", done, err)
	}
}

// scriptsInOneGroup runs scripts in one transaction, in their order, after a function.
func scriptsInOneGroup(t *testing.T, db *DB, scripts ...*store.Script) (done []bool, failed []error) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	done, failed = make([]bool, len(scripts)), make([]error, len(scripts))
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Write(context.Background(), func(store.Tx) error {
			once.Do(func() { close(entered); <-leave })
			return nil
		})
	})
	<-entered
	for i, s := range scripts {
		wg.Go(func() { done[i], failed[i] = runScript(db, s) })
		for db.writer.jobs.len() != i+1 {
			runtime.Gosched()
		}
	}
	close(leave)
	wg.Wait()
	return done, failed
}

// A refused script is undone without its neighbours. So is a script that makes SQLite drop the whole transaction.
func TestScriptsOfAGroup(t *testing.T) {
	db := openScripts(t, Config{GroupTime: time.Minute})
	done, failed := scriptsInOneGroup(t, db,
		inserting(1, accept), inserting(2, refuse), inserting(3, accept), inserting(1, accept), inserting(4, accept))
	if want := []bool{true, false, true, false, true}; !slices.Equal(done, want) || errors.Join(failed...) != nil {
		t.Errorf("done = %v, %v, want %v", done, failed, want)
	}
	if ids := rowsOf(t, db); !slices.Equal(ids, []int64{1, 3, 4}) {
		t.Errorf("the rows are %v", ids)
	}
	drop := &store.Script{Steps: append(inserting(6, accept).Steps, one(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'x')`).Steps...)}
	done, failed = scriptsInOneGroup(t, db, inserting(5, accept), drop, inserting(7, accept))
	if want := []bool{true, false, true}; !slices.Equal(done, want) || errors.Join(failed...) != nil {
		t.Errorf("done = %v, %v, want %v", done, failed, want)
	}
	if ids := rowsOf(t, db); !slices.Equal(ids, []int64{1, 3, 4, 5, 7}) {
		t.Errorf("the rows are %v", ids)
	}
}

// A script of one statement without rows needs no savepoint. If it is refused, its neighbours stay. So do they if it makes
// SQLite drop the whole transaction, or fails for another reason.
func TestScriptsOfAGroupWithoutSavepoints(t *testing.T) {
	db := openScripts(t, Config{GroupTime: time.Minute})
	row := func(id int64) *store.Script {
		return &store.Script{Tables: []string{"rows"}, Steps: inserting(id, nil).Steps[:1]}
	}
	for i, tt := range []struct {
		name   string
		script *store.Script
		want   errs.Kind // "": it is refused
	}{
		{"a row that is there", row(1), ""},
		{"two rows, of which one is there", one(`INSERT INTO rows (id, body) VALUES (99, 'x'), (1, 'x')`), ""},
		{"a constraint that undoes the transaction", one(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'x')`), ""},
		{"a constraint that keeps what was done", one(`INSERT OR FAIL INTO rows (id, body) VALUES (1, 'x')`), ""},
		{"a wrong statement", one(`INSERT INTO rows (id, nothing) VALUES (99, 'x')`), errs.Internal},
	} {
		first := int64(10*i + 1)
		done, failed := scriptsInOneGroup(t, db, row(first), tt.script, row(first+1))
		if want := []bool{true, false, true}; !slices.Equal(done, want) || errors.Join(failed[0], failed[2]) != nil {
			t.Errorf("%s: done = %v, %v, want %v", tt.name, done, failed, want)
		}
		if err := failed[1]; (err != nil) != (tt.want != "") || (err != nil && errs.KindOf(err) != tt.want) {
			t.Errorf("%s: %v, want an error of kind %q", tt.name, err, tt.want)
		}
		if ids := rowsOf(t, db); len(ids) != 2*(i+1) || slices.Contains(ids, 99) {
			t.Errorf("%s: the rows are %v", tt.name, ids)
		}
	}
}

// A script that runs on the goroutine of its caller takes other scripts into its group. It leaves functions and sweeps to the
// writer's goroutine.
func TestLeadingScript(t *testing.T) {
	for range 20 {
		db := openScripts(t, Config{GroupTime: time.Minute})
		var wg sync.WaitGroup
		queue := func(run func() error) {
			before := db.writer.jobs.len()
			wg.Go(func() {
				if err := run(); err != nil {
					t.Error(err)
				}
			})
			for deadline := time.Now().Add(20 * time.Millisecond); db.writer.jobs.len() == before && time.Now().Before(deadline); {
				runtime.Gosched() // the writer's goroutine may take the job at once
			}
		}
		script := func(id int64) func() error {
			return func() error {
				if done, err := runScript(db, inserting(id, accept)); !done || err != nil {
					return errors.Join(errors.New("a script was refused"), err)
				}
				return nil
			}
		}
		leading := inserting(1, func(value.Row) error {
			queue(script(2))
			queue(func() error {
				return db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, 3) })
			})
			queue(script(4))
			queue(func() error {
				return db.Sweep(context.Background(), func(tx store.Tx) error { return insert(tx, 5) })
			})
			queue(script(6))
			return nil
		})
		if done, err := runScript(db, leading); !done || err != nil {
			t.Fatalf("the leading script: %t, %v", done, err)
		}
		wg.Wait()
		if ids := rowsOf(t, db); !slices.Equal(ids, []int64{1, 2, 3, 4, 5, 6}) {
			t.Fatalf("the rows are %v", ids)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A row may end the goroutine of a leading script, as t.FailNow does. Later writes work all the same.
func TestLeadingScriptGoexit(t *testing.T) {
	db := openScripts(t, Config{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = runScript(db, inserting(1, func(value.Row) error { runtime.Goexit(); return nil }))
	})
	wg.Wait()
	if done, err := runScript(db, inserting(2, accept)); !done || err != nil {
		t.Errorf("the next script: Script() = %t, %v", done, err)
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 3) }); err != nil {
		t.Errorf("the next function: %v", err)
	}
	if ids := rowsOf(t, db); !slices.Equal(ids, []int64{2, 3}) {
		t.Errorf("the rows are %v", ids)
	}
}

// Close waits for a script that runs on the goroutine of its caller.
func TestCloseWaitsForALeadingScript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createTestRows)
	reserve(t, db)
	entered := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		<-entered
		if err := db.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	done, err := runScript(db, inserting(1, func(value.Row) error {
		close(entered)
		time.Sleep(50 * time.Millisecond)
		return nil
	}))
	if !done || err != nil {
		t.Errorf("Script() = %t, %v", done, err)
	}
	wg.Wait()
	if done, err := runScript(db, inserting(2, accept)); done || errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Script() after Close = %t, %v", done, err)
	}
	if ids := rowsOf(t, openTest(t, path, Config{})); !slices.Equal(ids, []int64{1}) {
		t.Errorf("the rows are %v", ids)
	}
}

// A reserved revision is given out once: by two handles of one database, after an undone transaction, and after the
// database was opened again.
func TestReservedRevisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	first, second := openTest(t, path, Config{}), openTest(t, path, Config{})
	given := map[int64]bool{}
	take := func(db *DB, n int) {
		t.Helper()
		for range n {
			var revision int64
			done, err := db.Script(t.Context(), func(n int64) (*store.Script, error) { revision = n; return one(overwrite), nil })
			if err == nil && !done {
				err = db.Write(t.Context(), func(tx store.Tx) (err error) { revision, err = tx.Revision(); return err })
			}
			if err != nil || given[revision] {
				t.Fatalf("revision %d, given before: %t, %v", revision, given[revision], err)
			}
			given[revision] = true
		}
	}
	undone := func(db *DB) {
		t.Helper()
		err := db.Write(t.Context(), func(tx store.Tx) error {
			for range 3 * reservedAtOnce {
				if _, err := tx.Revision(); err != nil {
					return err
				}
			}
			return errNo
		})
		if !errors.Is(err, errNo) {
			t.Fatal(err)
		}
	}
	for range 3 {
		take(first, 10)
		undone(first)
		take(second, reservedAtOnce)
		take(first, reservedAtOnce)
		undone(second)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	first = openTest(t, path, Config{})
	take(first, 10)
	take(second, 10)
	err := first.Write(t.Context(), func(tx store.Tx) error {
		return first.SetNumbers(tx, store.Numbers{Revision: 1_000_000})
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(1_000_000) { // revisions of loaded rows
		given[n+1] = true
	}
	take(first, 10)
}

// A job that fails late is undone without its neighbours, which run again in savepoints. So do the next jobs.
func TestLateFailureRunsTheGroupAgain(t *testing.T) {
	db := openScripts(t, Config{GroupTime: time.Minute})
	runs := make([]int, 4)
	job := func(i int, fail error) func(store.Tx) error {
		return func(tx store.Tx) error {
			runs[i]++
			return errors.Join(insert(tx, int64(i)), fail)
		}
	}
	late := errors.New("late")
	for round, want := range []int{2, 1} { // the second group begins with savepoints
		clear(runs)
		answers := inOneGroup(t, db, job(1, nil), job(2, late), job(3, nil))
		if answers[0] != nil || !errors.Is(answers[1], late) || answers[2] != nil {
			t.Errorf("the answers are %v", answers)
		}
		if runs[1] != want || runs[2] != want || runs[3] != 1 {
			t.Errorf("round %d: the jobs ran %v times, want %d before the failure", round, runs[1:], want)
		}
		if ids := rowsOf(t, db); !slices.Equal(ids, []int64{1, 3}) {
			t.Errorf("the rows are %v", ids)
		}
		write(t, db, `DELETE FROM rows`)
	}
}

// A job that has changed nothing has nothing to undo, whatever its statements were.
func TestEarlyFailureUndoesNothing(t *testing.T) {
	db := openScripts(t, Config{GroupTime: time.Minute})
	write(t, db, `INSERT INTO rows (id, body) VALUES (1, 'x')`)
	refused := errors.New("refused")
	for i, tt := range []struct {
		sql   string
		wrote bool
	}{
		{`SELECT id FROM rows`, false},
		{`INSERT INTO rows (id, body) VALUES (1, 'x')`, false},
		{`INSERT INTO rows (id, body) VALUES (50, 'x'), (1, 'x')`, false},
		{`INSERT INTO rows (id, body) VALUES (50, 'x'), (1, 'x') RETURNING id`, false},
		{`INSERT INTO rows (id, body) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING`, false},
		{`UPDATE rows SET body = 'y' WHERE id = 50`, false},
		{`INSERT OR FAIL INTO rows (id, body) VALUES (50, 'x'), (1, 'x')`, true},
		{`INSERT INTO rows (id, body) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = 'y'`, true},
		{`UPDATE rows SET body = 'y' WHERE id = 1 RETURNING id`, true},
		{`DELETE FROM rows WHERE id = 1`, true},
		{`CREATE TABLE others (id INTEGER PRIMARY KEY) STRICT`, true},
	} {
		db.writer.using.Lock()
		db.writer.careful = 0
		db.writer.using.Unlock()
		runs := 0
		answers := inOneGroup(t, db, func(tx store.Tx) error {
			runs++
			return insert(tx, int64(100+i))
		}, func(tx store.Tx) error {
			_ = tx.Query(tt.sql, nil, func(value.Row) error { return refused })
			return refused
		})
		if answers[0] != nil || !errors.Is(answers[1], refused) || (runs == 2) != tt.wrote {
			t.Errorf("%s: %v, the neighbour ran %d times", tt.sql, answers, runs)
		}
		if ids := rowsOf(t, db); len(ids) != i+2 || ids[0] != 1 || ids[i+1] != int64(100+i) {
			t.Errorf("%s: the rows are %v", tt.sql, ids)
		}
	}
}
