package sqlite

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestReadDeadline(t *testing.T) {
	db := openRows(t, Config{ReadTimeout: 50 * time.Millisecond})
	for range 5 { // more than there are connections: each must be usable afterwards
		start := time.Now()
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(endless+`SELECT count(*) FROM n`, nil, func(value.Row) error { return nil })
		})
		if errs.KindOf(err) != errs.Unavailable || time.Since(start) > 2*time.Second {
			t.Errorf("Read(endless) = %v after %v, want unavailable after 50 ms", err, time.Since(start))
		}
		countRows(t, db)
	}
}

// cutting is a context that ends at a time, but does not close Done.
type cutting struct {
	context.Context
	at time.Time
}

var errCutting = errors.New("cut")

func (c cutting) Err() error {
	if time.Now().After(c.at) {
		return errCutting
	}
	return nil
}

// TestCutReadLetsItsSnapshotGo: after a read was cut short, nothing keeps SQLite from reusing the log.
func TestCutReadLetsItsSnapshotGo(t *testing.T) {
	db := openRows(t, Config{Readers: 1})
	err := db.Read(cutting{t.Context(), time.Now().Add(20 * time.Millisecond)}, func(r store.Reader) error {
		return r.Query(endless+`SELECT count(*) FROM n`, nil, func(value.Row) error { return nil })
	})
	r := db.readers.pop()
	defer db.readers.put(r)
	if !errors.Is(err, errCutting) || r.pinned {
		t.Errorf("Read = %v; the connection holds its snapshot: %v", err, r.pinned)
	}
}

// TestDeadlineBetweenStatements: an interruption counts even if no statement runs when it comes.
func TestDeadlineBetweenStatements(t *testing.T) {
	db := openRows(t, Config{ReadTimeout: 20 * time.Millisecond})
	err := db.Read(t.Context(), func(r store.Reader) error {
		if _, err := r.Generation("rows"); err != nil {
			return err
		}
		time.Sleep(60 * time.Millisecond)
		_, err := r.Generation("rows")
		return err
	})
	if errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a statement after the deadline = %v, want unavailable", err)
	}
}

// TestPoolExhausted: waiting for a connection ends with the context, and with the deadline.
func TestPoolExhausted(t *testing.T) {
	db := openRows(t, Config{Readers: 1, ReadTimeout: 100 * time.Millisecond})
	entered, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Read(context.Background(), func(store.Reader) error { close(entered); <-leave; return nil })
	})
	<-entered
	nothing := func(store.Reader) error { return nil }
	if err := db.Read(t.Context(), nothing); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Read(no connection free) = %v, want unavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := db.Read(ctx, nothing); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read(context that ends) = %v, want its error", err)
	}
	close(leave)
	wg.Wait()
	if err := db.Read(t.Context(), nothing); err != nil {
		t.Errorf("Read(connection free again) = %v", err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	if testing.CoverMode() != "" || effort.Raced {
		t.Skip("instrumented code allocates")
	}
	db := openRows(t, Config{})
	write(t, db, `INSERT INTO rows (id, body) VALUES (1, 'one'), (2, 'two'), (3, '')`)
	args := []value.Value{value.OfInt(0)}
	var text []byte
	row := func(row value.Row) error {
		if !row.Null(0) && row.Int(0) > 0 {
			text = append(text, row.Bytes(1)...)
		}
		return nil
	}
	query := func(r store.Reader) error {
		text = text[:0]
		return r.Query(`SELECT id, body FROM rows WHERE id > ?1 ORDER BY id`, args, row)
	}
	ctx := t.Context()
	allocs := testing.AllocsPerRun(200, func() {
		if err := db.Read(ctx, query); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0.5 || string(text) != "onetwo" {
		t.Errorf("a read of three rows allocates %.1f times and reads %q, want 0 and onetwo", allocs, text)
	}
}

func TestSchemaChangeReachesReaders(t *testing.T) {
	db := openRows(t, Config{})
	countRows(t, db)
	write(t, db, `ALTER TABLE rows ADD COLUMN extra INTEGER DEFAULT 7`, insertTestRowOne)
	for range 4 {
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(`SELECT extra FROM rows`, nil, func(row value.Row) error {
				if row.Int(0) != 7 {
					t.Errorf("the new column is %d, want 7", row.Int(0))
				}
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
		if n := countRows(t, db); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	}
}

const insertTestRowOne = `INSERT INTO rows (id, body) VALUES (1, 'x')`

// TestSnapshotOfAnotherProcess: a snapshot serves several reads, but commits of another process are seen soon. An idle
// server does not keep SQLite from moving the log into the database and reusing it.
func TestSnapshotOfAnotherProcess(t *testing.T) {
	db := openRows(t, Config{})
	other := openOther(t, db)
	for n := int64(1); n <= 20; n++ {
		countRows(t, db)
		if err := sqlitex.ExecuteTransient(other, `INSERT INTO rows (body) VALUES ('x')`, nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what another process committed is read", func() bool { return countRows(t, db) == n })
	}
	eventually(t, "the whole log is moved into the database", func() bool {
		busy, err := pragmaText(other, "wal_checkpoint(TRUNCATE)")
		if err != nil {
			t.Fatal(err)
		}
		return busy == "0"
	})
}

// TestReadOwnWrites: a read that begins after a write was answered sees it, on whichever connection.
func TestReadOwnWrites(t *testing.T) {
	db := openRows(t, Config{Readers: 2})
	for n := int64(1); n <= 300; n++ {
		write(t, db, `INSERT INTO rows (body) VALUES ('x')`)
		for range 2 {
			if got := countRows(t, db); got != n {
				t.Fatalf("%d rows after write %d", got, n)
			}
		}
	}
}

// TestReadsGoForward: a client that has seen a row sees it ever after, also before its writer is answered, and on another
// connection.
func TestReadsGoForward(t *testing.T) {
	db := openRows(t, Config{Readers: 3})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			seen := int64(0)
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := countRows(t, db); got < seen {
					t.Errorf("%d rows after %d had been seen", got, seen)
				} else {
					seen = got
				}
			}
		})
	}
	for range 500 {
		write(t, db, `INSERT INTO rows (body) VALUES ('x')`)
	}
	close(done)
	wg.Wait()
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for start := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("it is never so that %s", what)
		}
	}
}
