package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func openRows(t *testing.T, cfg Config) *DB {
	t.Helper()
	db := openTest(t, filepath.Join(t.TempDir(), "data.db"), cfg)
	write(t, db, createTestRows)
	return db
}

const (
	createTestRows = `CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT`
	insertTestRow  = `INSERT INTO rows (id, body) VALUES (?1, 'x')`
	endless        = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) `
)

func insert(tx store.Tx, id int64) error {
	_, err := tx.Exec(insertTestRow, []value.Value{value.OfInt(id)})
	return err
}

func countRows(t *testing.T, db *DB) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT count(*) FROM rows`, nil, func(row value.Row) error { n = row.Int(0); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inOneGroup runs the functions in one transaction, in their order, and returns their answers.
func inOneGroup(t *testing.T, db *DB, functions ...func(store.Tx) error) []error {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	answers := make([]error, len(functions))
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Write(context.Background(), func(store.Tx) error { // begins the group; what it is answered is not the point
			once.Do(func() { close(entered); <-leave })
			return nil
		})
	})
	<-entered
	for i, f := range functions {
		wg.Go(func() { answers[i] = db.Write(context.Background(), f) })
		for db.writer.jobs.len() != i+1 { // keeps the order
			runtime.Gosched()
		}
	}
	close(leave)
	wg.Wait()
	return answers
}

// TestLostTransaction: one function makes SQLite drop the whole transaction; the others run again and are done.
func TestLostTransaction(t *testing.T) {
	for _, tt := range []struct {
		name    string
		culprit func(store.Tx) error
		want    func(error) bool
	}{
		{"returns the error", func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'again')`, nil)
			return err
		}, func(err error) bool { _, ok := errors.AsType[*store.ConstraintError](err); return ok }},
		{"says nothing", func(tx store.Tx) error {
			_, _ = tx.Exec(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'again')`, nil)
			return nil
		}, func(err error) bool { return errs.KindOf(err) == errs.Internal }},
		{"panics", func(tx store.Tx) error {
			_, _ = tx.Exec(`INSERT OR ROLLBACK INTO rows (id, body) VALUES (1, 'again')`, nil)
			panic("a defect")
		}, func(err error) bool { return errs.KindOf(err) == errs.Internal }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := openRows(t, Config{GroupTime: time.Minute})
			runs := make([]int, 4)
			ordinary := func(i int) func(store.Tx) error {
				return func(tx store.Tx) error { runs[i]++; tx.MarkChanged("rows"); return insert(tx, int64(i)) }
			}
			answers := inOneGroup(t, db, ordinary(1), ordinary(2), tt.culprit, ordinary(3))
			if answers[0] != nil || answers[1] != nil || answers[3] != nil {
				t.Errorf("the neighbours were answered %v", answers)
			}
			if !tt.want(answers[2]) {
				t.Errorf("the culprit was answered %v", answers[2])
			}
			if runs[1] != 2 || runs[2] != 2 || runs[3] != 1 {
				t.Errorf("the neighbours ran %v times, want twice before the culprit and once after", runs[1:])
			}
			if n := countRows(t, db); n != 3 {
				t.Errorf("%d rows, want 3", n)
			}
		})
	}
}

func TestControlStatementsAreRefused(t *testing.T) {
	db := openRows(t, Config{})
	for _, sql := range []string{"COMMIT", "end", " ROLLBACK", "SAVEPOINT x", "RELEASE\nf", "BEGIN;", "ATTACH ':memory:' AS x"} {
		err := db.Write(t.Context(), func(tx store.Tx) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			_, err := tx.Exec(sql, nil)
			return err
		})
		if errs.KindOf(err) != errs.Internal {
			t.Errorf("Exec(%q) = %v, want it refused", sql, err)
		}
	}
	if n := countRows(t, db); n != 0 {
		t.Errorf("%d rows, want 0", n)
	}
}

// TestSlowFunction: the writer's deadline ends a slow function, and nothing else.
func TestSlowFunction(t *testing.T) {
	db := openRows(t, Config{WriteTimeout: 50 * time.Millisecond, GroupTime: time.Minute})
	slowRuns := 0
	slow := func(tx store.Tx) error {
		slowRuns++
		_, err := tx.Exec(endless+`INSERT INTO rows (id, body) SELECT i, 'x' FROM n`, nil)
		return err
	}
	answers := inOneGroup(t, db,
		func(tx store.Tx) error { return insert(tx, -1) },
		slow,
		func(tx store.Tx) error { return insert(tx, -2) })
	if answers[0] != nil || answers[2] != nil || errs.KindOf(answers[1]) != errs.Unavailable || slowRuns != 1 {
		t.Errorf("answers %v, the slow function ran %d times; want it alone refused, once", answers, slowRuns)
	}
	if n := countRows(t, db); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// TestSlowQueryInWrite: an interrupted query leaves the transaction, so the group goes on.
func TestSlowQueryInWrite(t *testing.T) {
	db := openRows(t, Config{WriteTimeout: 50 * time.Millisecond})
	err := db.Write(t.Context(), func(tx store.Tx) error {
		return tx.Query(endless+`SELECT count(*) FROM n`, nil, func(value.Row) error { return nil })
	})
	if errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Write(slow query) = %v, want unavailable", err)
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 1) }); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

func TestQueueFull(t *testing.T) {
	db := openRows(t, Config{Queue: 2})
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Write(context.Background(), func(store.Tx) error { close(entered); <-leave; return nil })
	})
	<-entered
	for i := range 2 {
		wg.Go(func() {
			if err := db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, int64(i)) }); err != nil {
				t.Errorf("a write that fits: %v", err)
			}
		})
	}
	for db.writer.jobs.len() < 2 {
		runtime.Gosched()
	}
	err := db.Write(t.Context(), func(store.Tx) error { return nil })
	if e, ok := errors.AsType[*errs.Error](err); !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("Write(full queue) = %v, want unavailable with a time to retry after", err)
	}
	close(leave)
	wg.Wait()
}

// TestGoexit: a function may end the writer's goroutine, as t.FailNow does. Later writes work all the same.
func TestGoexit(t *testing.T) {
	db := openRows(t, Config{})
	err := db.Write(t.Context(), func(tx store.Tx) error {
		if err := insert(tx, 1); err != nil {
			return err
		}
		runtime.Goexit()
		return nil
	})
	if errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Write(Goexit) = %v, want unavailable", err)
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 2) }); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if n := countRows(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// TestCommitFails: if SQLite refuses a commit, it is undone, every function in it gets the error, and the writer recovers.
// The test uses a deferred foreign key, which our own tables never have.
func TestCommitFails(t *testing.T) {
	db := openRows(t, Config{GroupTime: time.Minute})
	write(t, db, `CREATE TABLE children (row_id INTEGER REFERENCES rows (id) DEFERRABLE INITIALLY DEFERRED) STRICT`)
	answers := inOneGroup(t, db,
		func(tx store.Tx) error { return insert(tx, 1) },
		func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO children (row_id) VALUES (99)`, nil)
			return err
		},
		func(store.Tx) error { return errs.New(errs.Conflict, "refused") })
	for i, err := range answers {
		if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("function %d was answered %v, want that nothing was written", i, err)
		}
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 2) }); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if n := countRows(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// TestBusy: the writer waits for another process's transaction, and then refuses all waiting writes together.
func TestBusy(t *testing.T) {
	db := openRows(t, Config{BusyTimeout: 300 * time.Millisecond})
	other := openOther(t, db)
	hold := func(sql string) {
		t.Helper()
		stmt, _, err := other.PrepareTransient(sql)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stmt.Step(); err != nil {
			t.Fatal(err)
		}
		_ = stmt.Finalize()
	}
	hold("BEGIN IMMEDIATE")
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, int64(i)) })
			if errs.KindOf(err) != errs.Unavailable {
				t.Errorf("Write() beside another's transaction = %v, want unavailable", err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took < 200*time.Millisecond || took > 5*time.Second {
		t.Errorf("refused after %v, want about the busy timeout, once for all", took)
	}
	wg.Go(func() {
		if err := db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, 100) }); err != nil {
			t.Errorf("Write() beside another's short transaction = %v", err)
		}
	})
	time.Sleep(100 * time.Millisecond)
	hold("COMMIT")
	wg.Wait()
}

func openOther(t *testing.T, db *DB) *lite.Conn {
	t.Helper()
	other, err := lite.OpenConn(db.writer.path, lite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// TestCloseGivesUp: Close refuses the writes behind a function that outlasts CloseTimeout.
func TestCloseGivesUp(t *testing.T) {
	db := openRows(t, Config{CloseTimeout: 50 * time.Millisecond})
	entered := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Write(context.Background(), func(tx store.Tx) error {
			close(entered)
			time.Sleep(150 * time.Millisecond)
			return insert(tx, 1)
		})
		if err != nil {
			t.Errorf("the function under way was answered %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		err := db.Write(context.Background(), func(tx store.Tx) error { return insert(tx, 2) })
		if errs.KindOf(err) != errs.Unavailable {
			t.Errorf("the function behind it was answered %v, want unavailable", err)
		}
	})
	for db.writer.jobs.len() < 1 {
		runtime.Gosched()
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	wg.Wait()
}

// SQLite moves the log into the database by itself. The writer sees that in the index of the log.
func TestStatsCountCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createTestRows)
	text := strings.Repeat("x", 40_000)
	var most int64
	for id := range int64(300) { // ten pages each
		if err := db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (id, body) VALUES (?1, ?2)`, []value.Value{value.OfInt(id), value.OfText(text)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		most = max(most, db.Stats().Log.Pages)
	}
	stats := db.Stats()
	if stats.Log.Checkpoints < 2 || stats.Log.Checkpoints > 4 || stats.Log.Moving <= 0 || most < 1000 {
		t.Errorf("the log is %+v, and had at most %d pages", *stats.Log, most)
	}
	if stats.Size < 10<<20 || stats.Free <= 0 {
		t.Errorf("size %d, free %d", stats.Size, stats.Free)
	}
}
