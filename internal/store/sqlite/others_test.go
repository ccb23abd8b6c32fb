package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// outside returns the number of store.Reader.Outside, and the rows that the read counts.
func outside(t *testing.T, db *DB) (n int64, known bool, rows int) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		n, known = r.Outside()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, known, countOf(t, db)
}

// settled returns the number of Outside as soon as it is known. For a moment after a write the writer still holds its
// connection.
func settled(t *testing.T, db *DB) int64 {
	t.Helper()
	for range 1000 {
		if n, known, _ := outside(t, db); known {
			return n
		}
		time.Sleep(snapshotAge)
	}
	t.Fatal("Outside stays unknown")
	return 0
}

// TestOutside: what another connection commits is noticed by each reader, and what the writer commits is not, however the
// two are mixed.
func TestOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{Readers: 3})
	write(t, db, createRows)
	shell, err := lite.OpenConn(path, lite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Close() })
	run := func(sql string) {
		t.Helper()
		s, _, err := shell.PrepareTransient(sql)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Step(); err != nil {
			t.Fatal(err)
		}
		if err := s.Finalize(); err != nil {
			t.Fatal(err)
		}
	}
	remembered := map[int64]int{} // what a cache holds, by the number of Outside
	check := func(what string, want int) {
		t.Helper()
		time.Sleep(2 * snapshotAge)
		for range 6 {
			n, known, rows := outside(t, db)
			if rows != want {
				t.Fatalf("after %s: %d rows, want %d", what, rows, want)
			}
			if !known {
				continue
			}
			if old, ok := remembered[n]; ok && old != want {
				t.Fatalf("after %s, %d was given for %d rows, and now for %d", what, n, old, want)
			}
			remembered[n] = want
		}
	}
	check("nothing", 0)
	if n, known, _ := outside(t, db); n != 0 || !known {
		t.Errorf("Outside() = %d, %v before anybody wrote", n, known)
	}
	for i := range 40 {
		run(fmt.Sprintf("INSERT INTO rows VALUES (%d, 'x')", 1000+i))
		check("an insert of another", i+1)
		if err := db.CheckWrites(t.Context()); err != nil { // no row, and no generation
			t.Fatal(err)
		}
		check("a write of the writer", i+1)
		if i%4 == 0 {
			sweep(t, db)
			check("a sweep", i+1)
			continue
		}
		if i%4 == 1 { // a sweep hides nothing of what came before it
			run("UPDATE rows SET body = 'y'")
			sweep(t, db)
			check("a sweep behind an update of another", i+1)
		}
	}
	// A write of the writer between two of another, and one behind.
	if err := db.CheckWrites(t.Context()); err != nil {
		t.Fatal(err)
	}
	run("DELETE FROM rows WHERE id = 1000")
	if err := db.CheckWrites(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("a deletion between two writes", 39)
	sweep(t, db)
	run("DELETE FROM rows WHERE id = 1001")
	sweep(t, db)
	check("a deletion between two sweeps", 38)
	before := settled(t, db)
	for id := range int64(200) {
		if err := addRow(db, id); err != nil {
			t.Fatal(err)
		}
		err := db.Write(t.Context(), func(tx store.Tx) error {
			_, _ = tx.Exec(insertRow, nil)
			return errRefusedTest
		})
		if err != errRefusedTest {
			t.Fatal(err)
		}
		if id%20 == 0 {
			sweep(t, db)
		}
		time.Sleep(100 * time.Microsecond)
	}
	time.Sleep(2 * snapshotAge)
	if after := settled(t, db); after != before {
		t.Errorf("Outside() moved from %d to %d by writes of the writer alone, and refusals", before, after)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func sweep(t *testing.T, db *DB) {
	t.Helper()
	err := db.Sweep(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(overwrite, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var errRefusedTest = fmt.Errorf("refused")
