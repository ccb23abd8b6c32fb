package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A reader runs a guard once for each state of the database: again after a commit of this handle, or of another one.
func TestGuardRunsOncePerState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, other := openTest(t, path, Config{Readers: 1}), openTest(t, path, Config{})
	write := func(db *DB, sql string) {
		t.Helper()
		if err := db.Write(t.Context(), func(tx store.Tx) error { _, err := tx.Exec(sql, nil); return err }); err != nil {
			t.Fatal(err)
		}
	}
	write(db, "CREATE TABLE seats (id INTEGER PRIMARY KEY, stamp INTEGER)")
	write(db, "INSERT INTO seats (id, stamp) VALUES (1, 5), (2, 5)")
	ended := errors.New("ended")
	runs := 0
	read := func(id, stamp int64) error {
		return db.Read(t.Context(), func(r store.Reader) error {
			r.Guard(store.Step{
				Statement: store.Statement{SQL: "SELECT stamp FROM seats WHERE id = $1", Args: []value.Value{value.OfInt(id)}},
				Row: func(row value.Row) error {
					if runs++; row.Int(0) != stamp {
						return ended
					}
					return nil
				},
				Refused: ended,
				Check:   store.GuardCheck{Table: "seats", ID: fmt.Sprint(id), Stamp: stamp},
			})
			return nil
		})
	}
	for _, tt := range []struct {
		name      string
		before    func()
		id, stamp int64
		runs      int
		refused   bool
	}{
		{"the first time", func() {}, 1, 5, 1, false},
		{"in the same state", func() {}, 1, 5, 0, false},
		{"another row", func() {}, 2, 5, 1, false},
		{"another stamp", func() {}, 1, 4, 1, true},
		{"another stamp, again", func() {}, 1, 4, 1, true},
		{"with a new snapshot of the same state", func() { endSnapshot(t, db) }, 1, 5, 0, false},
		{"after a commit", func() { write(db, "INSERT INTO seats (id) VALUES (3)") }, 1, 5, 1, false},
		{"after a commit of another handle", func() { write(other, "INSERT INTO seats (id) VALUES (4)") }, 1, 5, 1, false},
		{"after that, in the same state", func() {}, 1, 5, 0, false},
		{"after another stamp was committed", func() { write(other, "UPDATE seats SET stamp = 6 WHERE id = 1") }, 1, 5, 1, true},
		{"with that stamp", func() {}, 1, 6, 1, false},
		{"after the end", func() { write(db, "DELETE FROM seats") }, 1, 6, 0, true},
	} {
		tt.before()
		runs = 0
		if err := read(tt.id, tt.stamp); errors.Is(err, ended) != tt.refused || runs != tt.runs {
			t.Errorf("%s: %v after %d runs, want refused %t after %d", tt.name, err, runs, tt.refused, tt.runs)
		}
	}
}

// Without an index of the log, as on a full disk, no state is known.
func TestGuardRunsWithoutIndex(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "test.db"), Config{Readers: 1, alone: true})
	runs := 0
	guard := store.Step{
		Statement: store.Statement{SQL: "SELECT 1"},
		Row:       func(value.Row) error { runs++; return nil },
		Refused:   errors.New("ended"),
		Check:     store.GuardCheck{Table: "seats", ID: "1"},
	}
	for range 3 {
		if err := db.Read(t.Context(), func(r store.Reader) error { r.Guard(guard); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if runs != 3 {
		t.Errorf("the guard ran %d times in 3 reads", runs)
	}
}

// endSnapshot makes the only reader take another snapshot for its next read, as time does.
func endSnapshot(t *testing.T, db *DB) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error { r.(*reader).until = time.Time{}; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// A commit while the snapshot was taken leaves open which state it is. Nothing is remembered of it.
func TestAcceptedNeedsAKnownState(t *testing.T) {
	check := store.GuardCheck{Table: "seats", ID: "1"}
	one, two := indexHeader{1}, indexHeader{2}
	var a accepted
	for i, tt := range []struct {
		before, after indexHeader
		indexed, has  bool
	}{
		{one, one, true, false},
		{one, one, true, true},
		{one, two, true, false},
		{one, one, true, false},
		{one, one, true, true},
		{two, two, true, false},
		{two, two, true, true},
		{one, one, true, false},
		{one, one, false, false},
		{one, one, false, false},
	} {
		a.begin(tt.before, tt.after, tt.indexed)
		if got := a.has(check); got != tt.has {
			t.Errorf("step %d: has = %t", i, got)
		}
		a.add(check)
	}
	a.begin(two, two, true)
	if a.add(store.GuardCheck{}); a.has(store.GuardCheck{}) {
		t.Error("a guard without a name is remembered")
	}
	for i := range 3 * maxAccepted {
		a.add(store.GuardCheck{Stamp: int64(i)})
	}
	if n := len(a.checks); n > maxAccepted {
		t.Errorf("%d guards are remembered, more than %d", n, maxAccepted)
	}
}
