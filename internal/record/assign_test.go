package record

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const counted = `
ashlar: 1
name: counted
tables:
  things:
    key: int
    fields: {n: {type: int, default: 0}}
    checks: [{expr: n != 13, message: not thirteen}]
    access: {read: true, write: true}
`

// fillThings puts rows with these ids into the table, without telling its counter.
func fillThings(t *testing.T, spy *watched, from, to int64) {
	t.Helper()
	spy.exec(t, fmt.Sprintf(`INSERT INTO things (id, n, created_at, updated_at, _rev)
WITH RECURSIVE given(id) AS (SELECT %d UNION ALL SELECT id + 1 FROM given WHERE id < %d)
SELECT id, 0, %[3]s, %[3]s, 1 FROM given`, from, to, zeroTime(spy)))
}

func zeroTime(spy *watched) string {
	if spy.Dialect().StoresUUID() { // PostgreSQL
		return "timestamptz '2026-01-01 00:00:00+00'"
	}
	return "1767225600000000"
}

// Many taken ids must not slow creates down. Creates once walked over all of them, one by one, while every other write
// waited.
func TestExhaustion_ManyGivenIDs(t *testing.T) {
	effort.SkipRaced(t)
	onBoth(t, counted, func(t *testing.T, db *DB, spy *watched) {
		const given = 200_000
		first := must(t, db, nobody, "things", `{}`)
		spy.forget()
		if second := must(t, db, nobody, "things", `{}`); first.ID.Int != 1 || second.ID.Int != 2 {
			t.Fatalf("the first ids are %d and %d", first.ID.Int, second.ID.Int)
		}
		usual := spy.statements.Load()
		fillThings(t, spy, 3, given)
		const more = 5 // a look for a free id, a skip of two statements, another number and a look at it
		for range 3 {
			spy.forget()
			if _, err := create(t, db, nobody, "things", `{"n":13}`); errs.KindOf(err) != errs.Invalid {
				t.Errorf("a refused create: %v", err)
			}
			if n := spy.statements.Load(); n > usual+more {
				t.Errorf("a refused create runs %d statements, want at most %d", n, usual+more)
			}
		}
		spy.forget()
		next := must(t, db, nobody, "things", `{}`)
		if next.ID.Int <= given || next.ID.Int > given+4 || spy.statements.Load() > usual+more { // PostgreSQL does not give back what refused creates drew
			t.Errorf("the next id is %d after %d statements, want %d or little more after at most %d", next.ID.Int, spy.statements.Load(), given+1, usual+more)
		}
		spy.forget()
		if after := must(t, db, nobody, "things", `{}`); after.ID.Int != next.ID.Int+1 || spy.statements.Load() > usual {
			t.Errorf("the id after it is %d after %d statements, want %d after %d", after.ID.Int, spy.statements.Load(), next.ID.Int+1, usual)
		}
	})
}

// Fields of any name are in the way of no search for a free id.
func TestFreeIDBesideFieldsOfAnyName(t *testing.T) {
	const source = `
ashlar: 1
name: named
tables:
  things:
    key: int
    fields:
      lo:   {type: int, optional: true}
      hi:   {type: int, optional: true}
      step: {type: int, optional: true}
      t:    {type: int, optional: true}
    access: {read: true, write: true}
`
	onBoth(t, source, func(t *testing.T, db *DB, spy *watched) {
		for id := range 40 {
			must(t, db, nobody, "things", fmt.Sprintf(`{"id":%d,"lo":%[1]d,"step":1}`, id+1))
		}
		if next := must(t, db, nobody, "things", `{}`); next.ID.Int != 41 {
			t.Errorf("the id after 40 that are taken is %d", next.ID.Int)
		}
	})
}

// Creates find an id although the end of the range, or the ids that a search tries first, are taken.
func TestExhaustion_IDsGivenToBeInTheWay(t *testing.T) {
	onBoth(t, counted, func(t *testing.T, db *DB, spy *watched) {
		give := func(id int64) {
			t.Helper()
			if _, err := create(t, db, nobody, "things", fmt.Sprintf(`{"id":%d}`, id)); err != nil && errs.KindOf(err) != errs.Conflict {
				t.Fatal(err)
			}
		}
		give(math.MaxInt64)
		give(math.MaxInt64 - 1)
		give(math.MinInt64)
		give(0)
		fillThings(t, spy, 1, 2_000)
		for step := int64(1); step > 0; step *= 2 {
			give(2_000 + step)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			give(2_000 + r.Int64N(400))
		}
		for range 300 {
			spy.forget()
			row, err := create(t, db, nobody, "things", `{}`)
			if err != nil {
				t.Fatal(err)
			}
			if row.ID.Int <= 2_000 || spy.statements.Load() > 80 {
				t.Fatalf("id %d after %d statements", row.ID.Int, spy.statements.Load())
			}
		}
	})
}

// Some clients give ids while the database assigns others. Only a client that gave an id is told about a conflict.
func TestAssignedIDsAreNeverTaken(t *testing.T) {
	onBoth(t, counted, func(t *testing.T, db *DB, spy *watched) {
		fillThings(t, spy, 1, 3_000)
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				for range 40 {
					if _, err := create(t, db, nobody, "things", `{}`); err != nil {
						t.Errorf("without an id: %v", err)
					}
				}
			})
		}
		group.Go(func() {
			for id := range 150 {
				if _, err := create(t, db, nobody, "things", fmt.Sprintf(`{"id":%d}`, 3_001+2*id)); err != nil && errs.KindOf(err) != errs.Conflict {
					t.Errorf("with an id: %v", err)
				}
			}
		})
		group.Wait()
		if n := spy.number(t, `SELECT count(*) FROM things WHERE id > 3000`); n < 6*40 {
			t.Errorf("%d rows, want at least %d", n, 6*40)
		}
	})
}

// A counter at the end of its range is told to the client.
func TestNoFreeID(t *testing.T) {
	onBoth(t, counted, func(t *testing.T, db *DB, spy *watched) {
		must(t, db, nobody, "things", `{"id":9223372036854775807}`)
		r := db.request(nobody)
		defer r.end()
		err := spy.Write(t.Context(), func(tx store.Tx) error {
			_, err := r.freeID(tx, db.tables[db.rules.Model.Table("things")], math.MaxInt64)
			return err
		})
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "give the row an id") {
			t.Errorf("behind the last id: %v", err)
		}
	})
}
