package app

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

const totalApp = `
-- ashlar.yaml --
ashlar: 1
name: totals
tables:
  notes: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
  others: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
-- seed/notes.json --
[{"id": 1, "body": "a"}, {"id": 2, "body": "b"}, {"id": 3, "body": "c"}, {"id": 4, "body": "d"}, {"id": 5, "body": "e"}]
`

// TestTotalsFollowSQL: the server recounts rows changed by SQL behind its back.
func TestTotalsFollowSQL(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			dir := app(t, totalApp)
			cfg := Config{Data: filepath.Join(dir, "data")}
			if engine == "postgresql" {
				cfg.Database = pgtest.URL(t)
			}
			r := start(t, opened(t, dir, cfg))
			run := sqlShell(t, cfg)
			want := func(n int) {
				t.Helper()
				time.Sleep(5 * time.Millisecond) // until the end of a kept snapshot, a read may miss it
				for range 8 {
					if got := get(t, r.base+"/api/notes?total=true&limit=1").body; !strings.Contains(got, fmt.Sprintf(`"total":%d`, n)) {
						t.Fatalf("%s, want a total of %d", got, n)
					}
				}
			}
			write := func() { // by the server, in another table
				t.Helper()
				wantPost(t, r, "/api/others", `{"body": "x"}`)
			}
			want(5)
			run("DELETE FROM notes WHERE id < 4")
			want(2)
			write()
			want(2)
			write()
			run("DELETE FROM notes WHERE id = 4")
			write()
			want(1)
			wantPost(t, r, "/api/notes", `{"body": "x"}`)
			want(2)
			run("DELETE FROM notes")
			want(0)
		})
	}
}

// sqlShell opens the database of cfg like a SQL shell. run executes a statement, and the server does not know of it.
func sqlShell(t *testing.T, cfg Config) (run func(sql string)) {
	t.Helper()
	if cfg.Database != "" {
		conn, err := pgx.Connect(t.Context(), cfg.Database)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		return func(sql string) {
			t.Helper()
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	shell, err := sqlite.Open(t.Context(), filepath.Join(cfg.Data, databaseFile), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Close() })
	return func(sql string) {
		t.Helper()
		err := shell.Write(t.Context(), func(tx store.Tx) error { // without MarkChanged
			_, err := tx.Exec(sql, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func wantPost(t *testing.T, run *running, path, body string) {
	t.Helper()
	if got := send(t, run.base+path, body); got != 201 {
		t.Fatalf("POST %s = %d", path, got)
	}
}
