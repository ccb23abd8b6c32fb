package record

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A sweep leaves the same rows as the references of the database. Random rows are deleted in both ways, on both engines.
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
			onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
				db.limits.cascadeRows = reach
				spy.exec(t, statements(spy)...)
				var said []string
				for _, id := range doomed {
					err := remove(t, db, "nodes", id)
					said = append(said, string(errs.KindOf(err)))
					if err == nil {
						deleted++
					} else if errs.KindOf(err) == errs.Conflict {
						refused++
					}
				}
				got := strings.Join(said, " ") + "\n" + dump(t, db)
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

// randomBranches returns statements for random rows.
func randomBranches(r *rand.Rand) func(spy *watched) []string {
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
	return func(spy *watched) (all []string) {
		for _, sql := range slices.Concat(nodes, more) {
			all = append(all, strings.ReplaceAll(sql, "ZERO", zeroTime(spy)))
		}
		return all
	}
}

// dump returns all rows, and for each whether it was written since its creation.
func dump(t *testing.T, db *DB) string {
	t.Helper()
	var text strings.Builder
	for _, table := range db.rules.Model.Tables {
		if table.Name == "users" {
			continue
		}
		page, err := db.List(context.Background(), system, table, Query{Limit: 500}, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %s\n", table.Name, page)
		for _, id := range storedIDs(t, db, table) {
			row, err := db.Get(context.Background(), system, table, id, Selection{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%t ", row.Revision > 0)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func storedIDs(t *testing.T, db *DB, table *model.Table) (all []value.Value) {
	t.Helper()
	err := db.store.Read(t.Context(), func(reader store.Reader) error {
		return reader.Query("SELECT id FROM "+table.Name+" ORDER BY id", nil, func(row value.Row) error {
			all = append(all, value.Scan(table.ID(), row, 0))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Other writers create rows below a row during its deletion, or move rows there. These rows are deleted with it or
// refused: no row refers to a missing one. No reader sees half of a deletion.
func TestChildrenOfARowThatIsDeleted(t *testing.T) {
	const depth = 400
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		var written, refused atomic.Int64
		for round := range 6 {
			spy.exec(t, "DELETE FROM leaves", "DELETE FROM nodes WHERE up_id IS NULL AND id > 1000000")
			fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
			fillBranch(t, spy, "nodes", 20, "10000 + n, NULL, NULL, NULL, NULL")
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for c := range 3 {
				group.Go(func() { writeBelow(ctx, t, db, depth, round, c, &written, &refused) })
			}
			group.Go(func() {
				for ctx.Err() == nil {
					if n := spy.number(t, fmt.Sprintf("SELECT count(*) FROM nodes WHERE id <= %d", depth)); n != 0 && n != depth {
						t.Errorf("a reader sees %d of %d rows", n, depth)
					}
				}
			})
			time.Sleep(5 * time.Millisecond)
			err := remove(t, db, "nodes", value.OfInt(1))
			time.Sleep(5 * time.Millisecond)
			stop()
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
				if n := spy.number(t, sql); n != 0 {
					t.Errorf("round %d: %d rows: %s", round, n, sql)
				}
			}
			spy.exec(t, "DELETE FROM nodes")
		}
		t.Logf("%d writes beside six deletions, %d refused", written.Load(), refused.Load())
	})
}

// writeBelow makes and moves rows below the first nodes, up to the given one, until the context ends.
func writeBelow(ctx context.Context, t *testing.T, db *DB, depth int64, round, client int, written, refused *atomic.Int64) {
	nodes, leaves := db.rules.Model.Table("nodes"), db.rules.Model.Table("leaves")
	r := rand.New(rand.NewPCG(uint64(round), uint64(client)))
	for i := 0; ctx.Err() == nil; i++ {
		under := 1 + r.Int64N(depth)
		var err error
		switch r.IntN(3) {
		case 0:
			_, err = db.Create(context.Background(), nobody, nodes, members(t, fmt.Sprintf(`{"id":%d,"up_id":%d}`, 1_000_000+round*100_000+client*10_000+i, under)))
		case 1:
			_, err = db.Create(context.Background(), nobody, leaves, members(t, fmt.Sprintf(`{"id":"l%d_%d_%d","node_id":%d}`, round, client, i, under)))
		default:
			_, err = db.Update(context.Background(), nobody, nodes, value.OfInt(10_001+r.Int64N(20)), members(t, fmt.Sprintf(`{"other_id":%d}`, under)), nil)
		}
		switch errs.KindOf(err) {
		case "":
			written.Add(1)
		case errs.Conflict, errs.NotFound, errs.Unavailable:
			refused.Add(1)
		default:
			t.Errorf("a write beside the deletion: %v", err)
		}
	}
}

var errInjected = errors.New("injected")

// A sweep fails at each of its statements in turn, or its caller goes away. It leaves all rows or none.
func TestDeepCascadesAreAtomic(t *testing.T) {
	effort.SkipRaced(t)
	const depth = 300
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
		fillBranch(t, spy, "leaves", depth, "'l' || n, n, NULL")
		fillBranch(t, spy, "marks", 10, "'019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a7' || (n - 1), n, 'l' || n, NULL")
		left := func() string {
			return fmt.Sprint(spy.number(t, "SELECT count(*) FROM nodes"), spy.number(t, "SELECT count(*) FROM leaves"),
				spy.number(t, "SELECT count(*) FROM marks WHERE node_id IS NOT NULL AND leaf_id IS NOT NULL"))
		}
		all := left()
		injected := 0
		for at := int64(1); ; at++ {
			spy.forget()
			spy.failAt = at
			err := remove(t, db, "nodes", value.OfInt(1))
			spy.failAt = 0
			if err == nil {
				break
			}
			if injected++; !errors.Is(err, errInjected) {
				t.Fatalf("statement %d: %v", at, err)
			}
			if got := left(); got != all {
				t.Fatalf("after a failure at statement %d there are %s, want %s", at, got, all)
			}
			must(t, db, nobody, "marks", `{}`) // others can write
		}
		if got := left(); got != "0 0 0" || injected < 4 {
			t.Errorf("after %d failures and the deletion there are %s", injected, got)
		}
	})
}

func TestDeepCascadesWhoseCallerGoesAway(t *testing.T) {
	effort.SkipRaced(t)
	const depth = 300
	onBoth(t, branches, func(t *testing.T, db *DB, spy *watched) {
		gone := 0
		for at := int64(1); at < 30; at++ {
			fillBranch(t, spy, "nodes", depth, "n, CASE WHEN n > 1 THEN n - 1 END, NULL, NULL, NULL")
			ctx, cancel := context.WithCancel(t.Context())
			spy.forget()
			spy.cancelAt, spy.cancel = at, cancel
			err := db.Delete(ctx, nobody, db.rules.Model.Table("nodes"), value.OfInt(1), nil)
			spy.cancelAt = 0
			cancel()
			n := spy.number(t, "SELECT count(*) FROM nodes")
			half := n != 0 && n != depth
			if half || (err == nil && n != 0) || (errors.Is(err, context.Canceled) && n != depth) {
				t.Fatalf("the caller goes away at statement %d: %v, and %d rows are left", at, err, n)
			}
			if err != nil {
				gone++
			}
			spy.exec(t, "DELETE FROM nodes")
		}
		if gone == 0 {
			t.Error("no deletion was left by its caller")
		}
	})
}
