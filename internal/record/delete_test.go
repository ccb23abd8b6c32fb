package record

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
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

// columns of the tables of branches, as their rows are filled.
var branchColumns = map[string]string{
	"nodes":  "id, up_id, other_id, leaf_id, keeps_id",
	"leaves": "id, node_id, clear_id",
	"marks":  "id, node_id, leaf_id, keeps_id",
}

// fill puts rows into a table of branches: values for each number from 1 to n.
func fillBranch(t *testing.T, w *watched, table string, n int, values string) {
	t.Helper()
	if table == "marks" && w.Dialect().StoresUUID() {
		id, rest, _ := strings.Cut(values, ",")
		values = "(" + id + ")::uuid," + rest
	}
	w.exec(t, fmt.Sprintf(`INSERT INTO %s (%s, created_at, updated_at, _rev)
WITH RECURSIVE given(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM given WHERE n < %d)
SELECT %s, %[5]s, %[5]s, 0 FROM given`, table, branchColumns[table], n, values, zeroTime(w)))
}

func remove(t *testing.T, d *DB, table string, id value.Value) error {
	t.Helper()
	return d.Delete(context.Background(), nobody, d.rules.Model.Table(table), id, nil)
}

// A chain of more than 1,000 rows could not be deleted on SQLite at all, whatever references made it.
func TestDeepCascades(t *testing.T) {
	const depth = 3_000
	for _, tt := range []struct {
		name  string
		fill  func(t *testing.T, w *watched)
		nodes int64 // that are left
	}{
		{"a chain", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		}, 0},
		{"a chain whose ids fall", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, fmt.Sprintf("CASE WHEN n = 1 THEN 1 ELSE %d - n END, CASE WHEN n = 1 THEN NULL WHEN n = 2 THEN 1 ELSE %d - n END, NULL, NULL, NULL", depth+2, depth+3))
		}, 0},
		{"a ring", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, fmt.Sprintf("n, CASE WHEN n > 1 THEN n - 1 ELSE %d END, NULL, NULL, NULL", depth))
		}, 0},
		{"children of one that are also a chain", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN 1 END, CASE WHEN n > 2 THEN n - 1 END, NULL, NULL")
		}, 0},
		{"two tables in turn", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, "n, NULL, NULL, NULL, NULL")
			fillBranch(t, w, "leaves", depth, "'l' || n, n, NULL")
			w.exec(t, "UPDATE nodes SET leaf_id = 'l' || (id - 1) WHERE id > 1")
		}, 0},
		{"another chain stays", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, fmt.Sprintf("n, CASE WHEN n NOT IN (1, %d) THEN n - 1 END, NULL, NULL, NULL", depth/2))
		}, depth/2 + 1},
		{"a chain that refers to itself by what restricts", func(t *testing.T, w *watched) {
			fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, CASE WHEN n > 2 THEN n - 2 END")
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
				tt.fill(t, w)
				if err := remove(t, d, "nodes", value.OfInt(1)); err != nil {
					t.Fatal(err)
				}
				if n := w.number(t, "SELECT count(*) FROM nodes"); n != tt.nodes {
					t.Errorf("%d nodes are left, want %d", n, tt.nodes)
				}
				if n := w.number(t, "SELECT count(*) FROM leaves"); n != 0 {
					t.Errorf("%d leaves are left", n)
				}
			})
		})
	}
}

// What a deep deletion clears gets a new revision and keeps its updated_at, and the totals of all tables are counted anew.
func TestDeepCascadesClear(t *testing.T) {
	const depth = 1_500
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		fillBranch(t, w, "leaves", depth, "'l' || n, n, NULL")
		fillBranch(t, w, "marks", 10, fmt.Sprintf("'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a7' || (n - 1), %d - n, 'l' || n, NULL", depth))
		generation := func(table string) (n int64) {
			err := w.DB.Read(t.Context(), func(q store.Reader) (err error) { n, err = q.Generation(table); return err })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := []int64{generation("nodes"), generation("leaves"), generation("marks")}
		if err := remove(t, d, "nodes", value.OfInt(1)); err != nil {
			t.Fatal(err)
		}
		if n := w.number(t, "SELECT count(*) FROM marks WHERE node_id IS NULL AND leaf_id IS NULL AND _rev > 0 AND updated_at = "+zeroTime(w)); n != 10 {
			t.Errorf("%d marks are cleared and have a new revision, want 10", n)
		}
		if n := w.number(t, "SELECT count(DISTINCT _rev) FROM marks"); n != 10 {
			t.Errorf("the marks have %d revisions, want 10", n)
		}
		if after := []int64{generation("nodes"), generation("leaves"), generation("marks")}; before[0] == after[0] || before[1] == after[1] || before[2] == after[2] {
			t.Errorf("generations of nodes, leaves and marks: %v, were %v", after, before)
		}
	})
}

// A deletion of many rows that one row restricts used to delete all others first, in the only writer, as often as it was
// sent. The writer now sees nothing of it but a count that ends early.
func TestExhaustion_ALongDeletionThatIsRefused(t *testing.T) {
	const children = 20_000
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		fillBranch(t, w, "nodes", children, "n, CASE WHEN n > 1 THEN 1 END, NULL, NULL, NULL")
		fillBranch(t, w, "leaves", 10, "'l' || n, n * 1000, NULL")
		fillBranch(t, w, "marks", 1, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70', NULL, NULL, 'l7'")
		for range 3 {
			w.forget()
			if err := remove(t, d, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.Conflict {
				t.Fatalf("%v, want a conflict", err)
			}
			if w.writes.Load() != 1 || w.statements.Load() != 2 {
				t.Errorf("%d transactions with %d statements, want 1 with 2: the row and the count", w.writes.Load(), w.statements.Load())
			}
		}
		if n := w.number(t, "SELECT count(*) FROM nodes"); n != children {
			t.Errorf("%d nodes are left", n)
		}

		// The row that restricts comes after the look.
		w.exec(t, "DELETE FROM marks")
		looked := 0
		w.beforeWrite = func() {
			if looked++; looked == 2 {
				fillBranch(t, w, "marks", 1, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a71', NULL, NULL, 'l7'")
			}
		}
		if err := remove(t, d, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.Conflict || looked != 2 {
			t.Errorf("a row that comes in between: %v after %d transactions, want a conflict after 2", err, looked)
		}
		if n := w.number(t, "SELECT count(*) FROM nodes"); n != children {
			t.Errorf("%d nodes are left", n)
		}
	})
}

// The count that the writer sees ends early, however many rows refer to one: SQLite would otherwise collect all of them.
func TestExhaustion_TheCountEndsEarly(t *testing.T) {
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		farReach := int64(d.limits.farReach)
		fastest := func(id int64) time.Duration {
			stmt, err := d.tables[d.rules.Model.Table("nodes")].countReachStatement(d.request(nobody).Binding, int(farReach))
			if err != nil {
				t.Fatal(err)
			}
			least := time.Hour
			for range 9 {
				err := w.DB.Write(t.Context(), func(tx store.Tx) error {
					begun := time.Now()
					err := tx.Query(stmt.SQL, []value.Value{value.OfInt(id)}, func(cols value.Row) error {
						if cols.Int(0) <= farReach {
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
		fillBranch(t, w, "nodes", 50_000, "n, CASE WHEN n > 200 THEN 1 WHEN n > 2 THEN 2 END, NULL, NULL, NULL")
		if few, many := fastest(2), fastest(1); many > 20*few {
			t.Errorf("the count takes %v where 50,000 rows refer to one, and %v where 198 do", many, few)
		}
	})
}

// A deletion that would keep others from writing for too long is refused by a reader.
func TestExhaustion_ADeletionThatReachesTooMany(t *testing.T) {
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		d.limits.maxReach = 1_000
		fillBranch(t, w, "nodes", 601, "n, CASE WHEN n NOT IN (1, 601) THEN 1 END, NULL, NULL, NULL")
		fillBranch(t, w, "leaves", 401, "'l' || n, 601, 1")
		w.forget()
		err := remove(t, d, "nodes", value.OfInt(1))
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "more than 1000 rows") || w.writes.Load() != 1 {
			t.Errorf("600 rows and 401 that are cleared: %v after %d transactions", err, w.writes.Load())
		}
		w.exec(t, "DELETE FROM leaves WHERE id = 'l1'")
		if err := remove(t, d, "nodes", value.OfInt(1)); err != nil {
			t.Errorf("600 rows and 400 that are cleared: %v", err)
		}
	})
}

// Rights, revisions and the row itself are asked again when the sweep begins.
func TestDeepCascadesAskAgain(t *testing.T) {
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		fillBranch(t, w, "nodes", 500, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		nodes := d.rules.Model.Table("nodes")
		looked := 0
		w.beforeWrite = func() {
			if looked++; looked == 2 {
				w.exec(t, "UPDATE nodes SET _rev = 2 WHERE id = 1")
			}
		}
		if err := d.Delete(t.Context(), nobody, nodes, value.OfInt(1), func(revision int64) bool { return revision == 0 }); errs.KindOf(err) != errs.Stale {
			t.Errorf("a row that was changed in between: %v, want stale", err)
		}
		looked = 0
		w.beforeWrite = func() {
			if looked++; looked == 2 {
				w.exec(t, "UPDATE nodes SET up_id = NULL WHERE id = 2", "DELETE FROM nodes WHERE id = 1")
			}
		}
		if err := remove(t, d, "nodes", value.OfInt(1)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a row that was deleted in between: %v, want not found", err)
		}
		if n := w.number(t, "SELECT count(*) FROM nodes"); n != 499 {
			t.Errorf("%d nodes are left, want 499", n)
		}
	})
}

// A sweep leaves what the references themselves would have left: on random rows, both ways do the same on both engines.
func TestSweepsDoWhatReferencesDo(t *testing.T) {
	random := effort.Seeds(t)
	worlds := effort.Cases(8, 100)
	deleted, refused := 0, 0
	for i := range worlds {
		r := random(i)
		statements := randomBranches(r)
		var doomed []value.Value
		for range 6 {
			doomed = append(doomed, value.OfInt(1+r.Int64N(12)))
		}
		var want string
		for _, reach := range []int{1 << 30, 0} {
			onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
				d.limits.farReach = reach
				w.exec(t, statements(w)...)
				var said []string
				for _, id := range doomed {
					err := remove(t, d, "nodes", id)
					said = append(said, string(errs.KindOf(err)))
					if err == nil {
						deleted++
					} else if errs.KindOf(err) == errs.Conflict {
						refused++
					}
				}
				got := strings.Join(said, " ") + "\n" + dump(t, d)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("deletions of %v from far reach %d say and leave\n%s\nwant\n%s", doomed, reach, got, want)
				}
			})
		}
	}
	t.Logf("%d deletions, %d refused", deleted, refused)
	if !effort.Raced && (deleted < worlds || refused < worlds) {
		t.Error("too few")
	}
}

// randomBranches returns the statements that make random rows.
func randomBranches(r *rand.Rand) func(w *watched) []string {
	maybe := func(of, n int, format string) string { // one of the first n, n times of so many
		if i := r.IntN(of); i < n {
			return fmt.Sprintf(format, i+1)
		}
		return "NULL"
	}
	var nodes, more []string
	for id := range 12 {
		nodes = append(nodes, fmt.Sprintf("INSERT INTO nodes (id, created_at, updated_at, _rev) VALUES (%d, ZERO, ZERO, 0)", id+1))
		more = append(more, fmt.Sprintf("UPDATE nodes SET up_id = %s, other_id = %s, leaf_id = %s, keeps_id = %s WHERE id = %d",
			maybe(30, 12, "%d"), maybe(60, 12, "%d"), maybe(40, 8, "'l%d'"), maybe(120, 12, "%d"), id+1))
	}
	for id := range 8 {
		nodes = append(nodes, fmt.Sprintf("INSERT INTO leaves (id, node_id, clear_id, created_at, updated_at, _rev) VALUES ('l%d', %d, %s, ZERO, ZERO, 0)", id+1, 1+r.IntN(12), maybe(30, 12, "%d")))
		more = append(more, fmt.Sprintf("INSERT INTO marks (id, node_id, leaf_id, keeps_id, created_at, updated_at, _rev) VALUES ('019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a7%d', %s, %s, %s, ZERO, ZERO, 0)",
			id, maybe(24, 12, "%d"), maybe(16, 8, "'l%d'"), maybe(60, 8, "'l%d'")))
	}
	return func(w *watched) (all []string) {
		for _, sql := range slices.Concat(nodes, more) {
			all = append(all, strings.ReplaceAll(sql, "ZERO", zeroTime(w)))
		}
		return all
	}
}

// dump is all rows, and which of them have been written since they were made.
func dump(t *testing.T, d *DB) string {
	t.Helper()
	var b strings.Builder
	for _, table := range d.rules.Model.Tables {
		if table.Name == "users" {
			continue
		}
		page, err := d.List(context.Background(), system, table, Query{Limit: 500}, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\n", table.Name, page)
		for _, id := range storedIDs(t, d, table) {
			row, err := d.Get(context.Background(), system, table, id, Selection{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%t ", row.Revision > 0)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func storedIDs(t *testing.T, d *DB, table *model.Table) (all []value.Value) {
	t.Helper()
	err := d.store.Read(t.Context(), func(q store.Reader) error {
		return q.Query("SELECT id FROM "+table.Name+" ORDER BY id", nil, func(row value.Row) error {
			all = append(all, value.Scan(table.ID(), row, 0))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Rows that are created under a row which is being deleted, and moved there, are deleted with it or refused: none is left
// that refers to nothing. And no reader sees half of a deletion.
func TestChildrenOfARowThatIsDeleted(t *testing.T) {
	const depth = 400
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		nodes, leaves := d.rules.Model.Table("nodes"), d.rules.Model.Table("leaves")
		created, refused := 0, 0
		for round := range 6 {
			w.exec(t, "DELETE FROM leaves", "DELETE FROM nodes WHERE up_id IS NULL AND id > 1000000")
			fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
			fillBranch(t, w, "nodes", 20, "10000 + n, NULL, NULL, NULL, NULL")
			stop := make(chan struct{})
			var group sync.WaitGroup
			var mu sync.Mutex
			for c := range 3 {
				r := rand.New(rand.NewPCG(uint64(round), uint64(c)))
				group.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						under := 1 + r.Int64N(depth)
						var err error
						switch r.IntN(3) {
						case 0:
							_, err = d.Create(context.Background(), nobody, nodes, members(t, fmt.Sprintf(`{"id":%d,"up_id":%d}`, 1_000_000+round*100_000+c*10_000+i, under)))
						case 1:
							_, err = d.Create(context.Background(), nobody, leaves, members(t, fmt.Sprintf(`{"id":"l%d_%d_%d","node_id":%d}`, round, c, i, under)))
						default:
							_, err = d.Update(context.Background(), nobody, nodes, value.OfInt(10_001+r.Int64N(20)), members(t, fmt.Sprintf(`{"other_id":%d}`, under)), nil)
						}
						mu.Lock()
						if err == nil {
							created++
						} else {
							refused++
						}
						mu.Unlock()
						if kind := errs.KindOf(err); err != nil && kind != errs.Conflict && kind != errs.NotFound && kind != errs.Unavailable {
							t.Errorf("a write beside the deletion: %v", err)
						}
					}
				})
			}
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if n := w.number(t, fmt.Sprintf("SELECT count(*) FROM nodes WHERE id <= %d", depth)); n != 0 && n != depth {
						t.Errorf("a reader sees %d of %d rows", n, depth)
					}
				}
			})
			time.Sleep(5 * time.Millisecond)
			err := remove(t, d, "nodes", value.OfInt(1))
			time.Sleep(5 * time.Millisecond)
			close(stop)
			group.Wait()
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			for _, sql := range []string{
				"SELECT count(*) FROM nodes WHERE up_id IS NOT NULL AND up_id NOT IN (SELECT id FROM nodes)",
				"SELECT count(*) FROM nodes WHERE other_id IS NOT NULL AND other_id NOT IN (SELECT id FROM nodes)",
				"SELECT count(*) FROM leaves WHERE node_id NOT IN (SELECT id FROM nodes)",
				fmt.Sprintf("SELECT count(*) FROM nodes WHERE id <= %d", depth),
			} {
				if n := w.number(t, sql); n != 0 {
					t.Errorf("round %d: %d rows: %s", round, n, sql)
				}
			}
			w.exec(t, "DELETE FROM nodes")
		}
		t.Logf("%d writes beside six deletions, %d refused", created, refused)
	})
}

var errInjected = errors.New("injected")

// A sweep that fails at any of its statements, or whose caller goes away there, leaves all or nothing.
func TestDeepCascadesAreAtomic(t *testing.T) {
	const depth = 300
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		fillBranch(t, w, "leaves", depth, "'l' || n, n, NULL")
		fillBranch(t, w, "marks", 10, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a7' || (n - 1), n, 'l' || n, NULL")
		left := func() string {
			return fmt.Sprint(w.number(t, "SELECT count(*) FROM nodes"), w.number(t, "SELECT count(*) FROM leaves"),
				w.number(t, "SELECT count(*) FROM marks WHERE node_id IS NOT NULL AND leaf_id IS NOT NULL"))
		}
		all := left()
		injected := 0
		for at := int64(1); ; at++ {
			w.forget()
			w.failAt = at
			err := remove(t, d, "nodes", value.OfInt(1))
			w.failAt = 0
			if err == nil {
				break
			}
			if injected++; !errors.Is(err, errInjected) {
				t.Fatalf("statement %d: %v", at, err)
			}
			if got := left(); got != all {
				t.Fatalf("after a failure at statement %d there are %s, want %s", at, got, all)
			}
			must(t, d, nobody, "marks", `{}`) // others can write
		}
		if got := left(); got != "0 0 0" || injected < 4 {
			t.Errorf("after %d failures and the deletion there are %s", injected, got)
		}
	})
}

func TestDeepCascadesWhoseCallerGoesAway(t *testing.T) {
	const depth = 300
	onBoth(t, branches, func(t *testing.T, d *DB, w *watched) {
		gone := 0
		for at := int64(1); at < 30; at++ {
			fillBranch(t, w, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
			ctx, cancel := context.WithCancel(t.Context())
			w.forget()
			w.cancelAt, w.cancel = at, cancel
			err := d.Delete(ctx, nobody, d.rules.Model.Table("nodes"), value.OfInt(1), nil)
			w.cancelAt = 0
			cancel()
			n := w.number(t, "SELECT count(*) FROM nodes")
			if n != 0 && n != depth || err == nil && n != 0 || errors.Is(err, context.Canceled) && n != depth {
				t.Fatalf("the caller goes away at statement %d: %v, and %d rows are left", at, err, n)
			}
			if err != nil {
				gone++
			}
			w.exec(t, "DELETE FROM nodes")
		}
		if gone == 0 {
			t.Error("no deletion was left by its caller")
		}
	})
}
