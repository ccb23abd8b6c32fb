package job

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A look for jobs reads the rows that it takes and no others, however many have ended or are due later. The plan of each
// statement is a search in an index, with 10^5 such rows.
func TestLookReadsNoOtherRows(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		db := open()
		q := Open(db, fast())
		rows := 100_000
		if effort.Raced {
			rows = 10_000 // under the race detector one statement for all would run into the deadline
		}
		id, series, past, future := `printf('00000000-0000-7000-8000-%012x', n)`, `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s)`, `1000000`, `9000000000000000`
		if db.Dialect() == sqlgen.Postgres {
			id, series, past, future = `lpad(to_hex(n), 32, '0')::uuid`, `generate_series(1, %d) AS s (n)`, `now()`, `now() + interval '1 year'`
		}
		execAllOf(t, db, `INSERT INTO ashlar_jobs (id, queue, name, state, key, lane, rank, run_at, turn_at, tries, created_at, updated_at, attempt, _rev)
SELECT `+id+`, 'default', 'work', CASE WHEN n % 100 = 0 THEN 'scheduled' ELSE 'done' END, '', '', 4, `+past+`, `+future+`, 12, `+past+`, `+past+`, 1, 0 FROM `+fmt.Sprintf(series, rows))
		statements := []string{q.sql.take, q.sql.takeNamed, q.sql.promote, q.sql.ended, q.sql.delete, q.sql.settle, q.sql.renew, q.sql.held, nextTurn}
		if db.Dialect() == sqlgen.Postgres {
			execAllOf(t, db, `ANALYZE ashlar_jobs`)
			statements = append(statements, q.sql.takeTurns, strings.NewReplacer("$1", "'default'", "$2", "''", "$3", "74").Replace(postgresKeys))
		} else {
			statements = append(statements, q.sql.takeThese, sqliteKeys, sqliteOfKey, sqliteOfNames, sqliteSettleFree)
			if plan := planOf(t, db, q.sql.takeThese); !strings.Contains(plan, "INTEGER PRIMARY KEY") {
				t.Errorf("chosen jobs are not looked up one by one:\n%s", plan)
			}
		}
		for _, sql := range statements {
			plan, err := db.Plan(t.Context(), sql)
			if err != nil {
				t.Fatal(err)
			}
			if !searches(plan) {
				t.Errorf("%s\n%s", sql, plan)
			}
		}
		if searches(planOf(t, db, `SELECT id FROM ashlar_jobs WHERE name = 'x'`)) {
			t.Error("this test takes a scan of the whole table for a search")
		}
		enqueue(t, q, Insert{})
		takeOne(t, q)
	})
}

// A job that waits goes into three B-trees of SQLite: the table, the index of ids, and the one along which loops look. Its indexes
// of once and of times have only rows with a value.
func TestWaitingJobIsInFewIndexes(t *testing.T) {
	var sparse []string
	for _, index := range sqlgen.Indexes(Tables(nil)[0]) {
		if index.Where != "" {
			sparse = append(sparse, index.Create())
		}
	}
	want := []string{
		`CREATE UNIQUE INDEX "u_ashlar_jobs__once" ON "ashlar_jobs" ("once") WHERE "once" IS NOT NULL`,
		`CREATE INDEX "i_ashlar_jobs__state__turn_at" ON "ashlar_jobs" ("state", "turn_at", "id") WHERE "turn_at" IS NOT NULL`,
	}
	if diff := cmp.Diff(want, sparse); diff != "" {
		t.Errorf("sparse indexes (-want +got):\n%s", diff)
	}
}

func planOf(t *testing.T, db store.DB, sql string) string {
	t.Helper()
	plan, err := db.Plan(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// searches reports whether a plan reads rows of jobs by an index alone, in its order.
func searches(plan string) bool {
	for _, bad := range []string{"SCAN ashlar_jobs", "TEMP B-TREE", "Seq Scan on ashlar_jobs"} {
		if strings.Contains(plan, bad) {
			return false
		}
	}
	return strings.Contains(plan, "SEARCH ashlar_jobs") || strings.Contains(plan, "Index")
}

func execAllOf(t *testing.T, db store.DB, sql string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(sql, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
