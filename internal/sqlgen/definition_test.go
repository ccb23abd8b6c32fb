package sqlgen

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func parse(t *testing.T, text string) *model.Model {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: test\n" + text)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return m
}

// open returns a database with the model's tables and the counter that the engine keeps.
func open(t *testing.T, m *model.Model) *lite.Conn {
	t.Helper()
	conn, err := lite.OpenConn(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	exec(t, conn, `PRAGMA foreign_keys = ON`)
	exec(t, conn, `CREATE TABLE ashlar_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`)
	exec(t, conn, `INSERT INTO ashlar_counters VALUES ('revision', 100)`)
	for _, sql := range Create(SQLite, m) {
		exec(t, conn, sql)
	}
	return conn
}

func exec(t *testing.T, conn *lite.Conn, sql string) {
	t.Helper()
	if err := run(conn, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func run(conn *lite.Conn, sql string) error { return sqlitex.ExecuteTransient(conn, sql, nil) }

// rowsOf returns the result of a query, one line a row.
func rowsOf(t *testing.T, conn *lite.Conn, sql string) string {
	t.Helper()
	var lines []string
	err := sqlitex.ExecuteTransient(conn, sql, &sqlitex.ExecOptions{ResultFunc: func(s *lite.Stmt) error {
		var columns []string
		for i := range s.ColumnCount() {
			text := s.ColumnText(i)
			if s.ColumnType(i) == lite.TypeNull {
				text = "-"
			}
			columns = append(columns, text)
		}
		lines = append(lines, strings.Join(columns, " "))
		return nil
	}})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

const everyType = `
tables:
  groups:
    key: int
    fields: {name: {type: text, unique: true}}
  items:
    key: text
    fields:
      words:  {type: text, index: true}
      n:      {type: int, optional: true}
      x:      {type: float}
      price:  {type: decimal, precision: 12, scale: 2}
      done:   {type: bool}
      at:     {type: timestamp}
      day:    {type: date}
      code:   {type: uuid}
      state:  {type: enum, values: [open, "it's"]}
      extra:  {type: json, optional: true}
      group:  {ref: groups, on_delete: cascade, reverse: items}
      parent: {ref: items, optional: true, on_delete: clear, reverse: parts}
      owner:  {ref: users, unique: true, optional: true}
    unique: [[group, words]]
    indexes: [[state, created_at], [at, id], [group]]
`

func TestGoldenDefinitions(t *testing.T) {
	compareDefinitions(t, SQLite, "create.sql")
	compareDefinitions(t, Postgres, "create_postgresql.sql")
}

func compareDefinitions(t *testing.T, d Dialect, name string) {
	t.Helper()
	got := strings.Join(Create(d, parse(t, everyType)), ";\n") + ";\n"
	file := filepath.Join("testdata", name)
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
		t.Errorf("Create differs from %s (-want +got):\n%s", file, diff)
	}
}

// insertItem inserts a row that the tables of everyType accept, with some columns set otherwise.
func insertItem(id string, set map[string]string) string {
	values := map[string]string{"id": "'" + id + "'", "words": "'w" + id + "'", "x": "1.5", "price": "100", "done": "0", "at": "0",
		"day": "'2026-01-31'", "code": "'00000000-0000-7000-8000-000000000000'", "state": "'open'", "group_id": "1",
		"created_at": "0", "updated_at": "0", "_rev": "1"}
	for c, v := range set {
		values[c] = v
	}
	var columns, all []string
	for c, v := range values {
		columns, all = append(columns, Quote(c)), append(all, v)
	}
	return fmt.Sprintf("INSERT INTO items (%s) VALUES (%s)", strings.Join(columns, ", "), strings.Join(all, ", "))
}

const insertGroup = `INSERT INTO groups (id, name, created_at, updated_at, _rev) VALUES (1, 'g', 0, 0, 1)`

func TestConstraints(t *testing.T) {
	conn := open(t, parse(t, everyType))
	exec(t, conn, insertGroup)
	exec(t, conn, insertItem("a", nil))
	for _, tt := range []struct {
		name string
		set  map[string]string
		want string // a part of the error, "" for none
	}{
		{"all as it should be", nil, ""},
		{"optional given", map[string]string{"n": "5", "extra": "'{}'", "parent_id": "'a'", "state": "'it''s'"}, ""},
		{"itself as parent", map[string]string{"parent_id": "'b'"}, ""},
		{"required missing", map[string]string{"words": "NULL"}, "NOT NULL constraint failed: items.words"},
		{"key missing", map[string]string{"id": "NULL"}, "NOT NULL constraint failed: items.id"},
		{"revision missing", map[string]string{"_rev": "NULL"}, "NOT NULL constraint failed: items._rev"},
		{"text for int", map[string]string{"n": "'many'"}, "cannot store TEXT value in INTEGER column items.n"},
		{"bool of 2", map[string]string{"done": "2"}, "CHECK constraint failed"},
		{"unknown enum value", map[string]string{"state": "'shut'"}, "CHECK constraint failed"},
		{"same key", map[string]string{"id": "'a'"}, "UNIQUE constraint failed: items.id"},
		{"same combination", map[string]string{"words": "'wa'"}, "UNIQUE constraint failed: items.group_id, items.words"},
		{"no such group", map[string]string{"group_id": "2"}, "FOREIGN KEY constraint failed"},
		{"no such parent", map[string]string{"parent_id": "'z'"}, "FOREIGN KEY constraint failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			exec(t, conn, "SAVEPOINT s")
			defer exec(t, conn, "ROLLBACK TO s")
			err := run(conn, insertItem("b", tt.set))
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("insert: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCascade(t *testing.T) {
	conn := open(t, parse(t, everyType))
	exec(t, conn, insertGroup)
	exec(t, conn, insertItem("a", nil))
	exec(t, conn, "DELETE FROM groups WHERE id = 1")
	if got := rowsOf(t, conn, "SELECT id FROM items"); got != "" {
		t.Errorf("items after the group's deletion = %q, want none", got)
	}
}

func TestRestrict(t *testing.T) {
	conn := open(t, parse(t, everyType))
	exec(t, conn, insertGroup)
	exec(t, conn, "INSERT INTO users (id, created_at, updated_at, _rev) VALUES ('u', 0, 0, 1)")
	exec(t, conn, insertItem("a", map[string]string{"owner_id": "'u'"}))
	err := run(conn, "DELETE FROM users")
	if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY constraint failed") {
		t.Errorf("deleting a user in use: %v, want a foreign key failure", err)
	}
}

func TestClearGivesRevision(t *testing.T) {
	conn := open(t, parse(t, everyType))
	exec(t, conn, insertGroup)
	exec(t, conn, insertItem("a", nil))
	exec(t, conn, insertItem("b", map[string]string{"parent_id": "'a'"}))
	exec(t, conn, insertItem("c", map[string]string{"parent_id": "'a'"}))
	exec(t, conn, insertItem("d", map[string]string{"parent_id": "'d'"}))
	exec(t, conn, insertItem("e", map[string]string{"parent_id": "'d'"}))

	exec(t, conn, "DELETE FROM items WHERE id = 'a'")
	const state = "SELECT id, parent_id, _rev FROM items ORDER BY id"
	if diff := cmp.Diff("b - 101\nc - 102\nd d 1\ne d 1", rowsOf(t, conn, state)); diff != "" {
		t.Errorf("after deleting the parent of b and c (-want +got):\n%s", diff)
	}

	exec(t, conn, "UPDATE items SET parent_id = NULL, _rev = 7 WHERE id = 'e'")
	if got := rowsOf(t, conn, "SELECT _rev FROM items WHERE id = 'e'"); got != "7" {
		t.Errorf("revision after a write of our own = %s, want 7, as it was given", got)
	}
	exec(t, conn, "DELETE FROM items WHERE id = 'd'") // refers to itself
	if got := rowsOf(t, conn, "SELECT value FROM ashlar_counters WHERE name = 'revision'"); got != "102" {
		t.Errorf("counter = %s, want 102: nothing else was cleared", got)
	}
}

func TestAddColumn(t *testing.T) {
	const before = "\ntables: {a: {key: int, fields: {n: {type: int}}}}"
	after := parse(t, `
tables:
  a:
    key: int
    fields:
      n: {type: int}
      b: {ref: a, optional: true, on_delete: clear, reverse: back}
      s: {type: enum, values: [x, y], optional: true}
`)
	conn := open(t, parse(t, before))
	exec(t, conn, "INSERT INTO a (id, n, created_at, updated_at, _rev) VALUES (1, 1, 0, 0, 1), (2, 2, 0, 0, 2)")
	for _, name := range []string{"b_id", "s"} {
		f := after.Table("a").Field(name)
		exec(t, conn, AddColumn(SQLite, f, value.Value{}))
		for _, trigger := range SQLite.Triggers(f) {
			exec(t, conn, trigger.Create())
		}
	}
	for _, i := range Indexes(after.Table("a")) {
		exec(t, conn, i.Create())
	}
	exec(t, conn, "UPDATE a SET b_id = 1, s = 'x', _rev = 3 WHERE id = 2")
	exec(t, conn, "DELETE FROM a WHERE id = 1")
	if got, want := rowsOf(t, conn, "SELECT id, n, b_id, s, _rev FROM a"), "2 2 - x 101"; got != want {
		t.Errorf("row = %q, want %q", got, want)
	}
	if err := run(conn, "UPDATE a SET s = 'z'"); err == nil {
		t.Error("an added enum accepts any value")
	}
}

func TestIndexOfReference(t *testing.T) {
	for _, tt := range []struct {
		name, ref, table string
		want             []string
	}{
		{"alone", "", "", []string{"author_id id"}},
		{"found by an index", "", "indexes: [[author, n]]", []string{"author_id n id"}},
		{"found by a unique combination", "", "unique: [[author, n]]", []string{"author_id n"}},
		{"not first", "", "indexes: [[n, author]]", []string{"author_id id", "n author_id id"}},
		{"asked for", ", index: true", "indexes: [[author, n]]", []string{"author_id id", "author_id n id"}},
		{"asked for at the table", "", "indexes: [[author, n], [author]]", []string{"author_id n id", "author_id id"}},
		{"with a way back", ", reverse: posts", "indexes: [[author, n]]", []string{"author_id id", "author_id n id"}},
		{"unique", ", unique: true", "indexes: [[author, n]]", []string{"author_id", "author_id n id"}},
	} {
		m := parse(t, "tables:\n  posts:\n    fields: {author: {ref: users"+tt.ref+"}, n: {type: int}}\n    "+tt.table+"\n")
		var got []string
		for _, i := range Indexes(m.Table("posts")) {
			got = append(got, strings.Join(i.Columns, " "))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: indexes (-want +got):\n%s", tt.name, diff)
		}
		conn := open(t, m)
		plan := rowsOf(t, conn, `EXPLAIN QUERY PLAN SELECT 1 FROM posts WHERE author_id = 'x'`)
		if !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s: a deletion would look at every row: %s", tt.name, plan)
		}
	}
}

func TestIndexNames(t *testing.T) {
	long := strings.Repeat("long_name_", 5) + "end"
	m := parse(t, fmt.Sprintf(`
tables:
  a_b: {fields: {c: {type: int, unique: true}}}
  a: {fields: {b_c: {type: int, unique: true}}}
  %[1]s:
    fields: {%[1]s: {type: int, index: true}, %[1]s_2: {type: int, index: true}}
`, long))
	var names []string
	for _, table := range m.Tables {
		for _, i := range Indexes(table) {
			if len(i.Name) > maxIdentifier {
				t.Errorf("%s has %d bytes", i.Name, len(i.Name))
			}
			if slices.Contains(names, i.Name) {
				t.Errorf("%s is the name of two indexes", i.Name)
			}
			names = append(names, i.Name)
		}
	}
	if len(names) != 5 {
		t.Errorf("names = %q, want 5", names)
	}
	open(t, m)
}
