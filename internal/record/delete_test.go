package record

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// branches has references of every kind within a table, in a circle of two, and from outside.
const branches = `
ashlar: 1
name: branches
tables:
  nodes:
    key: int
    fields:
      up:    {ref: nodes, optional: true, reverse: below, on_delete: cascade}
      other: {ref: nodes, optional: true, reverse: others, on_delete: cascade}
      leaf:  {ref: leaves, optional: true, reverse: nodes, on_delete: cascade}
      keeps: {ref: nodes, optional: true, reverse: kept}
    access: {read: true, write: true}
  leaves:
    key: text
    fields:
      node:  {ref: nodes, reverse: leaves, on_delete: cascade}
      clear: {ref: nodes, optional: true, reverse: cleared, on_delete: clear}
    access: {read: true, write: true}
  marks:
    fields:
      node:  {ref: nodes, optional: true, reverse: marks, on_delete: clear}
      leaf:  {ref: leaves, optional: true, reverse: marks, on_delete: clear}
      keeps: {ref: leaves, optional: true, reverse: locks}
    access: {read: true, write: true}
`

// Columns of the tables in branches, in the order of their values.
var branchColumns = map[string]string{
	"nodes":  "id, up_id, other_id, leaf_id, keeps_id",
	"leaves": "id, node_id, clear_id",
	"marks":  "id, node_id, leaf_id, keeps_id",
}

// fill puts rows into a table of branches: values for each number from 1 to n.
func fillBranch(t *testing.T, spy *watched, table string, n int, values string) {
	t.Helper()
	if table == "marks" && spy.Dialect().StoresUUID() {
		id, rest, _ := strings.Cut(values, ",")
		values = "(" + id + ")::uuid," + rest
	}
	spy.exec(t, fmt.Sprintf(`INSERT INTO %s (%s, created_at, updated_at, _rev)
WITH RECURSIVE given(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM given WHERE n < %d)
SELECT %s, %[5]s, %[5]s, 0 FROM given`, table, branchColumns[table], n, values, zeroTime(spy)))
}

func remove(t *testing.T, db *DB, table string, id value.Value) error {
	t.Helper()
	return db.Delete(context.Background(), nobody, db.rules.Model.Table(table), id, nil)
}

// A deletion follows a chain of more than 1,000 rows, whatever references made it. SQLite alone cannot.
func TestDeepCascades(t *testing.T) {
	effort.SkipRaced(t)
	const depth = 3_000
	for _, tt := range []struct {
		name  string
		fill  func(t *testing.T, spy *watched)
		nodes int64 // that are left
	}{
		{"a chain", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		}, 0},
		{"a chain whose ids fall", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, fmt.Sprintf("CASE WHEN n = 1 THEN 1 ELSE %d - n END, CASE WHEN n = 1 THEN NULL WHEN n = 2 THEN 1 ELSE %d - n END, NULL, NULL, NULL", depth+2, depth+3))
		}, 0},
		{"a ring", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, fmt.Sprintf("n, CASE WHEN n > 1 THEN n - 1 ELSE %d END, NULL, NULL, NULL", depth))
		}, 0},
		{"children of one that are also a chain", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN 1 END, CASE WHEN n > 2 THEN n - 1 END, NULL, NULL")
		}, 0},
		{"two tables in turn", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, "n, NULL, NULL, NULL, NULL")
			fillBranch(t, spy, "leaves", depth, "'l' || n, n, NULL")
			spy.exec(t, "UPDATE nodes SET leaf_id = 'l' || (id - 1) WHERE id > 1")
		}, 0},
		{"another chain stays", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, fmt.Sprintf("n, CASE WHEN n NOT IN (1, %d) THEN n - 1 END, NULL, NULL, NULL", depth/2))
		}, depth/2 + 1},
		{"a chain that refers to itself by what restricts", func(t *testing.T, spy *watched) {
			fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, CASE WHEN n > 2 THEN n - 2 END")
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
				tt.fill(t, spy)
				if err := remove(t, db, "nodes", value.OfInt(1)); err != nil {
					t.Fatal(err)
				}
				if n := spy.number(t, "SELECT count(*) FROM nodes"); n != tt.nodes {
					t.Errorf("%d nodes are left, want %d", n, tt.nodes)
				}
				if n := spy.number(t, "SELECT count(*) FROM leaves"); n != 0 {
					t.Errorf("%d leaves are left", n)
				}
			})
		})
	}
}

// A deep deletion clears references. Their rows get a new revision and keep their updated_at, and all totals are counted
// again.
func TestDeepCascadesClear(t *testing.T) {
	const depth = 1_500
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		fillBranch(t, spy, "leaves", depth, "'l' || n, n, NULL")
		fillBranch(t, spy, "marks", 10, fmt.Sprintf("'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a7' || (n - 1), %d - n, 'l' || n, NULL", depth))
		generation := func(table string) (n int64) {
			err := spy.DB.Read(t.Context(), func(reader store.Reader) (err error) { n, err = reader.Generation(table); return err })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := []int64{generation("nodes"), generation("leaves"), generation("marks")}
		if err := remove(t, db, "nodes", value.OfInt(1)); err != nil {
			t.Fatal(err)
		}
		if n := spy.number(t, "SELECT count(*) FROM marks WHERE node_id IS NULL AND leaf_id IS NULL AND _rev > 0 AND updated_at = "+zeroTime(spy)); n != 10 {
			t.Errorf("%d marks are cleared and have a new revision, want 10", n)
		}
		if n := spy.number(t, "SELECT count(DISTINCT _rev) FROM marks"); n != 10 {
			t.Errorf("the marks have %d revisions, want 10", n)
		}
		if after := []int64{generation("nodes"), generation("leaves"), generation("marks")}; before[0] == after[0] || before[1] == after[1] || before[2] == after[2] {
			t.Errorf("generations of nodes, leaves and marks: %v, were %v", after, before)
		}
	})
}

// A row restricts the deletion of many others. The only writer must do no more than a bounded count: it once deleted all
// the others first, for each such request.
func TestExhaustion_ALongDeletionThatIsRefused(t *testing.T) {
	effort.SkipRaced(t)
	const children = 20_000
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		fillBranch(t, spy, "nodes", children, "n, CASE WHEN n > 1 THEN 1 END, NULL, NULL, NULL")
		fillBranch(t, spy, "leaves", 10, "'l' || n, n * 1000, NULL")
		fillBranch(t, spy, "marks", 1, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70', NULL, NULL, 'l7'")
		for range 3 {
			spy.forget()
			if err := remove(t, db, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.Conflict {
				t.Fatalf("%v, want a conflict", err)
			}
			if spy.writes.Load() != 1 || spy.statements.Load() != 2 {
				t.Errorf("%d transactions with %d statements, want 1 with 2: the row and the count", spy.writes.Load(), spy.statements.Load())
			}
		}
		if n := spy.number(t, "SELECT count(*) FROM nodes"); n != children {
			t.Errorf("%d nodes are left", n)
		}

		// The restricting row comes after the look.
		spy.exec(t, "DELETE FROM marks")
		looked := 0
		spy.beforeWrite = func() {
			if looked++; looked == 2 {
				fillBranch(t, spy, "marks", 1, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a71', NULL, NULL, 'l7'")
			}
		}
		if err := remove(t, db, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.Conflict || looked != 2 {
			t.Errorf("a row that comes in between: %v after %d transactions, want a conflict after 2", err, looked)
		}
		if n := spy.number(t, "SELECT count(*) FROM nodes"); n != children {
			t.Errorf("%d nodes are left", n)
		}
	})
}

// The writer's count has a bound. SQLite would otherwise collect every row that refers to the deleted one.
func TestExhaustion_TheCountEndsEarly(t *testing.T) {
	effort.SkipRaced(t)
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		cascadeRows := int64(db.limits.cascadeRows)
		fastest := func(id int64) time.Duration {
			stmt, err := db.tables[db.rules.Model.Table("nodes")].countReachStatement(db.request(nobody).Binding, int(cascadeRows))
			if err != nil {
				t.Fatal(err)
			}
			least := time.Hour
			for range 9 {
				err := spy.DB.Write(t.Context(), func(tx store.Tx) error {
					begun := time.Now()
					err := tx.Query(stmt.SQL, []value.Value{value.OfInt(id)}, func(cols value.Row) error {
						if cols.Int(0) <= cascadeRows {
							t.Errorf("%d rows are counted below node %d", cols.Int(0), id)
						}
						return nil
					})
					least = min(least, time.Since(begun))
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return least
		}
		fillBranch(t, spy, "nodes", 50_000, "n, CASE WHEN n > 200 THEN 1 WHEN n > 2 THEN 2 END, NULL, NULL, NULL")
		if few, many := fastest(2), fastest(1); many > 20*few {
			t.Errorf("the count takes %v where 50,000 rows refer to one, and %v where 198 do", many, few)
		}
	})
}

// A reader refuses a deletion of too many rows, before any writer waits.
func TestExhaustion_ADeletionThatReachesTooMany(t *testing.T) {
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		db.limits.deletionRows = 1_000
		fillBranch(t, spy, "nodes", 601, "n, CASE WHEN n NOT IN (1, 601) THEN 1 END, NULL, NULL, NULL")
		fillBranch(t, spy, "leaves", 401, "'l' || n, 601, 1")
		spy.forget()
		err := remove(t, db, "nodes", value.OfInt(1))
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "more than 1000 rows") || spy.writes.Load() != 1 {
			t.Errorf("600 rows and 401 that are cleared: %v after %d transactions", err, spy.writes.Load())
		}
		spy.exec(t, "DELETE FROM leaves WHERE id = 'l1'")
		if err := remove(t, db, "nodes", value.OfInt(1)); err != nil {
			t.Errorf("600 rows and 400 that are cleared: %v", err)
		}
	})
}

// The sweep checks access, revision and the row itself again.
func TestDeepCascadesAskAgain(t *testing.T) {
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		fillBranch(t, spy, "nodes", 500, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		nodes := db.rules.Model.Table("nodes")
		looked := 0
		spy.beforeWrite = func() {
			if looked++; looked == 2 {
				spy.exec(t, "UPDATE nodes SET _rev = 2 WHERE id = 1")
			}
		}
		if err := db.Delete(t.Context(), nobody, nodes, value.OfInt(1), func(revision int64) bool { return revision == 0 }); errs.KindOf(err) != errs.Stale {
			t.Errorf("a row that was changed in between: %v, want stale", err)
		}
		looked = 0
		spy.beforeWrite = func() {
			if looked++; looked == 2 {
				spy.exec(t, "UPDATE nodes SET up_id = NULL WHERE id = 2", "DELETE FROM nodes WHERE id = 1")
			}
		}
		if err := remove(t, db, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a row that was deleted in between: %v, want not found", err)
		}
		if n := spy.number(t, "SELECT count(*) FROM nodes"); n != 499 {
			t.Errorf("%d nodes are left, want 499", n)
		}
	})
}

// A deletion is one statement if it clears and deletes no other rows. It shares a transaction with other writes unless one
// of them may wait for it.
func TestDeletionsAsScripts(t *testing.T) {
	const source = `
ashlar: 1
name: kinds
tables:
  plain:   {key: int, fields: {n: {type: int}}, access: {read: true, write: true}}
  unique:  {key: int, fields: {n: {type: int, unique: true}}, access: {read: true, write: true}}
  kept:    {key: int, fields: {n: {type: int}}, access: {read: true, write: true}}
  deeper:  {key: int, fields: {n: {type: int}}, access: {read: true, write: true}}
  cleared: {key: int, fields: {n: {type: int}}, access: {read: true, write: true}}
  related: {key: int, fields: {on: {ref: kept, reverse: by}}, access: {read: true, delete: on.n == 7}}
  links:
    key: int
    fields:
      deep:  {ref: deeper, reverse: links, on_delete: cascade}
      clear: {ref: cleared, optional: true, reverse: links, on_delete: clear}
    access: {read: true, write: true}
`
	withReaders(t, source, 2, func(t *testing.T, db *DB) {
		for _, tt := range []struct {
			table         string
			script, apart bool
		}{
			{"plain", true, false},
			{"related", true, false},
			{"links", true, false},
			{"unique", true, true},
			{"kept", true, true},
			{"deeper", false, false},
			{"cleared", false, false},
		} {
			t.Run(tt.table, func(t *testing.T) {
				r := db.request(nobody)
				defer r.end()
				x, err := r.newDeletion(db.rules.Model.Table(tt.table), value.OfInt(1), nil)
				if err != nil {
					t.Fatal(err)
				}
				script, err := x.script(1)
				if err != nil || (script != nil) != tt.script || (script != nil && script.NoGroup != tt.apart) {
					t.Errorf("script = %+v, %v; want one: %t, apart: %t", script, err, tt.script, tt.apart)
				}
			})
		}
	})
}
