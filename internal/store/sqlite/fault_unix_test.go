//go:build linux || darwin

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func children() map[string]func(arg string) error {
	return map[string]func(string) error{
		"lock":    childLock,
		"writers": childWriters,
		"rounds":  childRounds,
		"full":    childFull,
		"crowded": childCrowded,
		"other":   childOther,
		"sweeps":  childSweeps,
		"ends":    childEnds,
		"holds":   childHolds,
	}
}

// childHolds keeps the lock for writes until somebody kills it.
func childHolds(path string) error {
	conn, err := lite.OpenConn(path, lite.OpenReadWrite)
	if err != nil {
		return err
	}
	if err := sqlitex.ExecuteTransient(conn, "BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	fmt.Println("holds")
	time.Sleep(time.Hour)
	return conn.Close()
}

func childLock(dir string) error {
	if _, err := Lock(dir); err != nil {
		return err
	}
	fmt.Println("locked")
	select {}
}

const (
	createRows = `CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT`
	insertRow  = `INSERT INTO rows (id, body) VALUES (?1, ?2)`
)

// addRow inserts a row whose text can be recognised in the log.
func addRow(db *DB, id int64) error {
	return db.Write(context.Background(), func(tx store.Tx) error {
		tx.MarkChanged("rows")
		_, err := tx.Exec(insertRow, []value.Value{value.OfInt(id), value.OfText(rowMark(id))})
		return err
	})
}

func rowMark(id int64) string { return fmt.Sprintf("row-%09d.", id) }

// childWriters writes from 64 goroutines until it is killed, and reports every acknowledged row.
func childWriters(path string) error {
	db, err := Open(context.Background(), path, Config{})
	if err != nil {
		return err
	}
	start, err := highest(db)
	if err != nil {
		return err
	}
	next := atomic.Int64{}
	next.Store(start)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				id := next.Add(1)
				if err := addRow(db, id); err != nil {
					fmt.Fprintln(os.Stderr, "write", id, err)
					os.Exit(1)
				}
				_, _ = os.Stdout.WriteString(fmt.Sprintf("%d\n", id)) // one call, so that lines stay whole
			}
		})
	}
	wg.Wait()
	return nil
}

func highest(db *DB) (id int64, err error) {
	err = db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(`SELECT coalesce(max(id), 0) FROM rows`, nil, func(row value.Row) error { id = row.Int(0); return nil })
	})
	return id, err
}

// TestKill kills a process with 64 concurrent writers, again and again on one database: no acknowledged row may be
// missing, and the database must be sound.
func TestKill(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []int64
	for round := range rounds {
		c := startChild(t, "writers", path)
		first := c.line(t)
		time.AfterFunc(time.Duration(50+37*round%200)*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
		ids := parseIDs(t, append([]string{first}, c.rest(t)...))
		_ = c.cmd.Wait() // it was killed
		acknowledged = append(acknowledged, ids...)
		if len(ids) < 64 {
			t.Errorf("round %d: only %d rows were acknowledged before the kill", round, len(ids))
		}
		wantRows(t, path, acknowledged)
	}
	t.Logf("%d rows acknowledged in %d rounds", len(acknowledged), rounds)
}

func parseIDs(t *testing.T, lines []string) (ids []int64) {
	t.Helper()
	for _, line := range lines {
		var id int64
		if _, err := fmt.Sscanf(line, "%d\n", &id); err != nil {
			t.Fatalf("the child reported %q: %v", line, err)
		}
		ids = append(ids, id)
	}
	return ids
}

// wantRows checks that the database is sound and holds the rows.
func wantRows(t *testing.T, path string, ids []int64) {
	t.Helper()
	db := openTest(t, path, Config{ReadTimeout: time.Minute}) // it reads everything, on a machine that may be busy
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	there := map[int64]bool{}
	err := db.Read(t.Context(), func(r store.Reader) error {
		err := r.Query("PRAGMA integrity_check", nil, func(row value.Row) error {
			if got := string(row.Bytes(0)); got != "ok" {
				t.Errorf("integrity_check: %s", got)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.Query(`SELECT id FROM rows`, nil, func(row value.Row) error { there[row.Int(0)] = true; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if !there[id] {
			t.Errorf("row %d was acknowledged and is not there", id)
		}
	}
}

// childRounds writes from one goroutine, then from eight, and acknowledges each row on its standard output.
func childRounds(path string) error {
	db, err := Open(context.Background(), path, Config{})
	if err != nil {
		return err
	}
	acknowledge := func(id int64) error {
		if err := addRow(db, id); err != nil {
			return err
		}
		_, err := os.Stdout.WriteString("ack-" + rowMark(id) + "\n")
		return err
	}
	for id := range int64(30) {
		if err := acknowledge(id); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	var failed error
	var once sync.Once
	for worker := int64(1); worker <= 8; worker++ {
		wg.Go(func() {
			for id := range int64(20) {
				if err := acknowledge(worker*100 + id); err != nil {
					once.Do(func() { failed = err })
				}
			}
		})
	}
	wg.Wait()
	return failed
}

// childFull writes to a disk that fills up, by lone writes and in groups, and then gets room again. It acknowledges each
// row that was written.
func childFull(path string) error {
	signal.Ignore(syscall.SIGXFSZ) // a write beyond the limit then fails, as on a full disk
	db, err := Open(context.Background(), path, Config{Logger: discard()})
	if err != nil {
		return err
	}
	if err := limitFiles(300 << 10); err != nil {
		return err
	}
	refused := 0
	for id := int64(1); refused < 20; id++ {
		switch err := addRow(db, id); {
		case err == nil:
			fmt.Println(id)
		default:
			if err := isRefusal(err); err != nil {
				return err
			}
			refused++
		}
	}
	if err := refuseTogether(db); err != nil {
		return err
	}
	if db.Writable() == nil {
		return errors.New("the database counts as writable while its disk is full")
	}
	if err := limitFiles(syscall.RLIM_INFINITY & (1<<63 - 1)); err != nil {
		return err
	}
	if err := addRow(db, 1_000_000); err != nil {
		return fmt.Errorf("a disk that has room again: %w", err)
	}
	fmt.Println(1_000_000)
	for deadline := time.Now().Add(30 * time.Second); db.Writable() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the disk has room again, and the database still says %w", db.Writable())
		}
	}
	return db.Close()
}

// refuseTogether writes from many goroutines, whose functions are committed in groups.
func refuseTogether(db *DB) error {
	failed := make(chan error, 32)
	for worker := range int64(32) {
		go func() { failed <- isRefusal(addRow(db, 10_000+worker)) }()
	}
	var all error
	for range 32 {
		all = errors.Join(all, <-failed)
	}
	return all
}

// isRefusal checks that a write on a full disk was refused, and that it certainly left nothing.
func isRefusal(err error) error {
	e, ok := errors.AsType[*errs.Error](err)
	switch {
	case !ok || e.Kind != errs.Unavailable || e.RetryAfter == 0:
		return fmt.Errorf("a full disk is answered with %w, want unavailable, and when to ask again", err)
	case !strings.Contains(e.Message, "nothing was written"):
		return fmt.Errorf("a full disk is answered with %q, want that nothing was written", e.Message)
	}
	return nil
}

func limitFiles(size uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = min(limit.Max, size)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
}

// TestFullDisk: with a full disk writes are refused as unavailable, and no acknowledged row is lost.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "full", path)
	ids := parseIDs(t, c.rest(t))
	c.wait(t)
	if len(ids) < 10 {
		t.Errorf("%d rows were acknowledged, want some before the disk was full", len(ids))
	}
	wantRows(t, path, ids)
	wantCount(t, path, len(ids))
}

// wantCount checks that a refused write left no row.
func wantCount(t *testing.T, path string, want int) {
	t.Helper()
	db := openTest(t, path, Config{})
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := countOf(t, db); got != want {
		t.Errorf("%d rows are there, want the %d that were acknowledged", got, want)
	}
}

func countOf(t *testing.T, db *DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT count(*) FROM rows`, nil, func(row value.Row) error { n = int(row.Int(0)); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFullDatabase: the disk fills up inside a transaction, which SQLite then drops as a whole.
func TestFullDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	setMaxPages(t, db, 20)
	var mu sync.Mutex
	var acknowledged []int64
	var wg sync.WaitGroup
	for worker := range int64(16) {
		wg.Go(func() {
			for id := worker * 1000; id < worker*1000+300; id++ {
				switch err := addRow(db, id); {
				case err == nil:
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				default:
					if err := isRefusal(err); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if len(acknowledged) < 100 || len(acknowledged) > 16*300-100 {
		t.Errorf("%d rows were acknowledged, want many and not all", len(acknowledged))
	}
	setMaxPages(t, db, 1<<30)
	if err := addRow(db, 999_999); err != nil {
		t.Errorf("a write after there is room again: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wantRows(t, path, append(acknowledged, 999_999))
	wantCount(t, path, len(acknowledged)+1)
}

func setMaxPages(t *testing.T, db *DB, pages int) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		return tx.Query(fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil, func(value.Row) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// childOther is another process, such as `ashlar token`, that writes to the database of a server.
func childOther(path string) error {
	db, err := Open(context.Background(), path, Config{})
	if err != nil {
		return err
	}
	for id := int64(0); id < 50; id++ {
		if err := addRow(db, id); err != nil {
			return err
		}
	}
	return db.Close()
}

// TestOtherProcess: both processes can write, and the server sees the rows and the generations of the other.
func TestOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	before := generationOf(t, db, "rows")
	c := startChild(t, "other", path)
	mine := make([]int64, 0, 200)
	for id := int64(1000); id < 1200; id++ {
		if err := addRow(db, id); err != nil {
			t.Fatal(err)
		}
		mine = append(mine, id)
	}
	c.rest(t)
	c.wait(t)
	if got := generationOf(t, db, "rows") - before; got != 250 {
		t.Errorf("the generation moved by %d, want 250", got)
	}
	for id := range int64(50) {
		mine = append(mine, id)
	}
	wantRows(t, path, mine)
}

func generationOf(t *testing.T, db *DB, table string) (generation int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) (err error) {
		generation, err = r.Generation(table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return generation
}
