package view

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// opened is a database with the model's tables.
type opened struct {
	name string
	db   store.DB
}

func databases(t testing.TB, m *model.Model) []opened {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "views.db"), sqlite.Config{Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := migrate.Apply(context.Background(), db, modeltest.Compile(t, m), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	all := []opened{{"sqlite", db}}
	if pgtest.Available() {
		all = append(all, opened{"postgres", openPostgres(t, m)})
	}
	return all
}

func (o opened) exec(t testing.TB, statements ...string) {
	t.Helper()
	err := o.db.Write(context.Background(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// insertPosts inserts two posts. The times are valid on both engines.
func (o opened) insertPosts(t testing.TB) {
	at, yes := "0", "1"
	if o.name == "postgres" {
		at, yes = "now()", "true"
	}
	o.exec(t, fmt.Sprintf(`INSERT INTO posts (id, title, stars, shared, state, created_at, updated_at, _rev)
VALUES (1, 'a', 2, %[2]s, 'open', %[1]s, %[1]s, 1), (2, 'a', 0, %[2]s, 'done', %[1]s, %[1]s, 1)`, at, yes))
}

func TestRows(t *testing.T) {
	const views = `
views:
  right: {key: int, reads: [posts], query: "SELECT id, stars FROM posts", fields: {stars: {type: int}}}
  repeats: {key: text, reads: [posts], query: "SELECT title AS id FROM posts"}
  without:
    key: int
    reads: [posts]
    query: "SELECT nullif(id, 1) AS id FROM posts"
  lacks: {key: int, reads: [posts], query: "SELECT id, nullif(title, 'a') AS title FROM posts", fields: {title: {type: text}}}
  other: {key: int, reads: [posts], query: "SELECT id, CASE WHEN stars > 1 THEN 'x' ELSE 'y' END AS letter FROM posts", fields: {letter: {type: enum, values: [x]}}}
  masked: {key: int, reads: [posts], query: "SELECT id, nullif(title, 'a') AS title FROM posts", fields: {title: {type: text, read: id == 1}}}
  large: {key: int, reads: [posts], query: "SELECT id, CAST(id AS bigint) * 123456 AS n FROM posts", fields: {n: {type: decimal, precision: 4, scale: 0}}}
  untyped:
    key: int
    reads: [posts]
    query:
      sqlite: SELECT id, coalesce(title, 1) AS n, 'no' AS b, 5 AS flag, 'not-a-uuid' AS u, '2026-02-30' AS d, 1e999 AS f, '{' AS j, char(97, 0) AS t FROM posts
      postgres: SELECT id, 1 AS n, true AS b, true AS flag, NULL::uuid AS u, 'infinity'::date AS d, 'NaN'::float8 AS f, '{}'::json AS j, 't' AS t FROM posts
    fields: {n: {type: int}, b: {type: bool}, flag: {type: bool}, u: {type: uuid}, d: {type: date}, f: {type: float}, j: {type: json}, t: {type: text}}
  numbers:
    key: int
    reads: [posts]
    query:
      sqlite: SELECT id, 1.5 AS n, -9223372036854775808 AS d, 9223372036854775807 AS at FROM posts
      postgres: SELECT id, 1 AS n, 'NaN'::numeric AS d, 'infinity'::timestamptz AS at FROM posts
    fields: {n: {type: int}, d: {type: decimal, precision: 18, scale: 2}, at: {type: timestamp}}
  fails: {key: int, reads: [posts], query: {sqlite: "SELECT id, abs(-9223372036854775807 - stars) AS n FROM posts WHERE json(title)", postgres: "SELECT id, 10 / stars AS n FROM posts"}, fields: {n: {type: int}}}
`
	m := modeltest.Model(t, tables+views)
	for _, o := range databases(t, m) {
		t.Run(o.name, func(t *testing.T) {
			if faults, err := CheckRows(context.Background(), o.db, m, slog.Default()); err != nil || len(faults) > 0 {
				t.Errorf("CheckRows without rows = %v, %v", faults, err)
			}
			o.insertPosts(t)
			faults, err := CheckRows(context.Background(), o.db, m, slog.Default())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "rows_"+o.name+".txt"), faults.Error()+"\n")
		})
	}
}

// TestMissingID looks for a row without an id behind the rows whose values are checked.
func TestMissingID(t *testing.T) {
	m := modeltest.Model(t, tables+`
views:
  late: {key: int, reads: [posts], query: "SELECT nullif(id, 1500) AS id FROM posts"}
`)
	for _, o := range databases(t, m) {
		t.Run(o.name, func(t *testing.T) {
			o.insertPosts(t)
			o.exec(t, `INSERT INTO posts (id, title, stars, shared, state, created_at, updated_at, _rev)
WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
SELECT i, 'a', 0, shared, 'open', created_at, updated_at, 1 FROM n CROSS JOIN posts WHERE posts.id = 1`)
			faults, err := CheckRows(context.Background(), o.db, m, slog.Default())
			if err != nil {
				t.Fatal(err)
			}
			if got := faults.Error(); !strings.Contains(got, "late has a row without an id: an id names one row") {
				t.Errorf("CheckRows = %s", got)
			}
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// A query without end is cut short, and the app starts with a word about it.
func TestRowsOfAnEndlessQuery(t *testing.T) {
	m := modeltest.Model(t, tables+`
views:
  numbers: {key: int, reads: [], query: "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"}
  sorted: {key: int, reads: [], query: "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id % 5 FROM n) SELECT id FROM n ORDER BY id"}
`)
	for _, o := range databases(t, m) {
		var log bytes.Buffer
		faults, err := CheckRows(context.Background(), o.db, m, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || len(faults) > 0 || strings.Count(log.String(), "no time to check") != 2 {
			t.Errorf("%s: CheckRows = %v, %v, and the log\n%s", o.name, faults, err, log.String())
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, o := range databases(t, m) {
		if _, err := CheckRows(ctx, o.db, m, slog.Default()); err == nil {
			t.Errorf("%s: CheckRows goes on without its caller", o.name)
		}
	}
}

// A view with the largest number of columns and of bytes in a row.
func TestLargeViews(t *testing.T) {
	var columns, fields strings.Builder
	for i := range 500 {
		fmt.Fprintf(&columns, ", title AS c%d", i)
		fmt.Fprintf(&fields, "      c%d: {type: text}\n", i)
	}
	m := modeltest.Model(t, tables+`
views:
  wide:
    key: int
    reads: [posts]
    query: SELECT id`+columns.String()+` FROM posts
    fields:
`+fields.String()+`
  long: {key: int, reads: [posts], query: "SELECT id FROM posts WHERE title <> '`+strings.Repeat("x", 16_000)+`'"}
`)
	for _, engine := range engines(t, m) {
		if got := faultsOf(t, m, engine); got != "" {
			t.Errorf("%s: %s", engine.Title, got)
		}
	}
	for _, o := range databases(t, m) {
		o.insertPosts(t)
		if faults, err := CheckRows(context.Background(), o.db, m, slog.Default()); err != nil || len(faults) > 0 {
			t.Errorf("%s: CheckRows = %v, %v", o.name, faults, err)
		}
	}
}

// More columns than an engine has are a fault like another.
func TestTooManyColumns(t *testing.T) {
	m := modeltest.Model(t, tables+"\nviews:\n  wide: {key: int, reads: [posts], query: \"SELECT id"+strings.Repeat(", id", 2500)+" FROM posts\"}\n")
	for _, engine := range engines(t, m) {
		if got := faultsOf(t, m, engine); !strings.Contains(got, "column") && !strings.Contains(got, "target list") {
			t.Errorf("%s: %s", engine.Title, got)
		}
	}
}

// The views of the documentation and of the example are right on both engines.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(block, "\nviews:") {
			continue
		}
		seen++
		checkSound(t, modeltest.Model(t, block))
	}
	if seen == 0 {
		t.Error("docs/model.md shows no view")
	}
	careers, faults := load.Dir("../../examples/careers")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	checkSound(t, careers)
}

func checkSound(t *testing.T, m *model.Model) {
	t.Helper()
	for _, engine := range engines(t, m) {
		if got := faultsOf(t, m, engine); got != "" {
			t.Errorf("%s: %s", engine.Title, got)
		}
	}
}
