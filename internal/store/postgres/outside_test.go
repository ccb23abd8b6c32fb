package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const trackedTables = `CREATE TABLE parents (id bigint PRIMARY KEY, _rev bigint NOT NULL DEFAULT 0);
CREATE TABLE notes (id bigint PRIMARY KEY, parent bigint REFERENCES parents ON DELETE CASCADE, _rev bigint NOT NULL DEFAULT 0);`

// track is the triggers of the tables.
func tracking() string {
	return sqlgen.ChangeTrigger("parents").Create() + ";" + sqlgen.ChangeTrigger("notes").Create()
}

func generation(t *testing.T, db *DB, table string) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) (err error) {
		n, err = r.Generation(table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOutside: SQL that is not the server's moves the generations of the tables whose rows it changes, by whoever may
// change them, and the server's own does not.
func TestOutside(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		var db *DB
		var url string
		if pooled {
			db = openPooled(t, Config{})
			url = db.cfg.Direct
		} else {
			url = pgtest.URL(t)
			db = open(t, url, Config{})
			t.Cleanup(func() { _ = db.Close() })
		}
		exec(t, url, trackedTables+tracking())
		guest := fmt.Sprintf("ashlar_test_guest_%d", time.Now().UnixNano())
		exec(t, url, "CREATE ROLE "+guest+"; GRANT INSERT, DELETE ON notes TO "+guest)
		for _, tt := range []struct {
			sql            string
			notes, parents bool
		}{
			{"INSERT INTO parents SELECT generate_series(1, 100)", false, true},
			{"INSERT INTO notes SELECT generate_series(1, 100), 1", true, false},
			{"UPDATE notes SET parent = 2 WHERE id < 50", true, false},
			{"DELETE FROM notes WHERE id = 100", true, false},
			{"DELETE FROM parents WHERE id = 2", true, true},
			{"BEGIN; DELETE FROM notes; ROLLBACK", false, false},
			{"SELECT count(*) FROM notes", false, false},
			{"SET ROLE " + guest + "; INSERT INTO notes VALUES (1000, NULL); RESET ROLE", true, false},
			{"SET search_path = pg_temp, public; DELETE FROM notes WHERE id = 1000", true, false},
			{"TRUNCATE notes", true, false},
		} {
			beforeNotes, beforeParents := generation(t, db, "notes"), generation(t, db, "parents")
			exec(t, url, tt.sql)
			if moved := generation(t, db, "notes") != beforeNotes; moved != tt.notes {
				t.Errorf("pooled %v: %s moves the generation of notes: %v, want %v", pooled, tt.sql, moved, tt.notes)
			}
			if moved := generation(t, db, "parents") != beforeParents; moved != tt.parents {
				t.Errorf("pooled %v: %s moves the generation of parents: %v, want %v", pooled, tt.sql, moved, tt.parents)
			}
		}
		before := generation(t, db, "notes")
		for id := range int64(20) {
			err := db.Write(t.Context(), func(tx store.Tx) error {
				_, err := tx.Exec("INSERT INTO notes (id) VALUES ($1)", []value.Value{value.OfInt(id)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err := db.Alter(t.Context(), func(s store.Session) error { _, err := s.Exec("UPDATE notes SET parent = NULL", nil); return err })
		if err != nil {
			t.Fatal(err)
		}
		if after := generation(t, db, "notes"); after != before {
			t.Errorf("pooled %v: writes of ours that touch nothing move the generation from %d to %d", pooled, before, after)
		}
		exec(t, url, "DROP OWNED BY "+guest+"; DROP ROLE "+guest)
	}
}

// Transactions of other programs do not wait for each other, whatever tables they write to, and in which order.
func TestOutsideWithoutWaiting(t *testing.T) {
	url := pgtest.URL(t)
	db := open(t, url, Config{})
	t.Cleanup(func() { _ = db.Close() })
	exec(t, url, trackedTables+tracking())
	before := generation(t, db, "notes") + generation(t, db, "parents")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var conns [2]*pgx.Conn
	for i := range conns {
		var err error
		if conns[i], err = pgx.Connect(ctx, url); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close(context.Background())
	}
	for _, step := range []struct {
		conn int
		sql  string
	}{
		{0, "BEGIN"}, {1, "BEGIN"},
		{0, "INSERT INTO notes VALUES (1)"}, {1, "INSERT INTO parents VALUES (1)"},
		{0, "INSERT INTO parents VALUES (2)"}, {1, "INSERT INTO notes VALUES (2)"},
		{1, "COMMIT"}, {0, "COMMIT"},
	} {
		if _, err := conns[step.conn].Exec(ctx, step.sql); err != nil {
			t.Fatalf("%s: %v", step.sql, err)
		}
	}
	if after := generation(t, db, "notes") + generation(t, db, "parents"); after != before+4 {
		t.Errorf("the generations moved by %d, want 4", after-before)
	}
}

// A database of an earlier release gets what it lacks at the next start, unless a table is in use all the time.
func TestOutsideOfAFormerDatabase(t *testing.T) {
	url := pgtest.URL(t)
	if err := open(t, url, Config{}).Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, url, trackedTables+"DROP FUNCTION ashlar_changed; CREATE TABLE theirs (id bigint)")
	held, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(context.Background())
	if _, err := held.Exec(t.Context(), "BEGIN; INSERT INTO parents VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 2} {
		db := open(t, url, Config{})
		var n int
		if err := held.QueryRow(t.Context(), "SELECT count(*) FROM pg_trigger WHERE tgname = 'ashlar_changed'").Scan(&n); err != nil || n != want {
			t.Errorf("%d triggers, %v; want %d", n, err, want)
		}
		before := generation(t, db, "notes")
		exec(t, url, "INSERT INTO notes SELECT 1 + coalesce(max(id), 0) FROM notes")
		if generation(t, db, "notes") == before {
			t.Error("the generation does not move")
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := held.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
}
