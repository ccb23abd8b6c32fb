package start

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A deletion that takes thousands of rows along starts a job for each, as one that takes a few does. More than maxCascade are
// refused.
func TestManyRowsGo(t *testing.T) {
	each(t, shop, func(t *testing.T, w *world) {
		orders, next := w.table("orders"), 0
		fill := func(customer, rows int) {
			t.Helper()
			w.must(fmt.Sprintf(`create customers {"id":%d,"name":"Bob"}`, customer))
			err := w.db.Write(t.Context(), func(tx store.Tx) error {
				in := record.New(w.db, w.rules, record.Config{}).In(tx, anybody) // whose rows start no jobs
				defer in.Done()
				for range rows {
					next++
					if _, err := in.Create(orders, members(t, fmt.Sprintf(`{"id":%d,"customer_id":%d,"total":%d}`, next, customer, next%10))); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		fill(1, 30)
		many := 1200
		if effort.Raced {
			many = 150 // more than one statement deletes, and within the deadline of a write
		}
		fill(2, many)
		for customer, rows := range map[int]int{1: 30, 2: many} {
			w.forget()
			w.must(fmt.Sprintf("delete customers/%d", customer))
			counts := map[string]int{}
			for _, name := range w.query(1, `SELECT name FROM ashlar_jobs`) {
				counts[name]++
			}
			if counts["gone"] != rows || counts["changes"] != rows || counts["mine"] != rows/10 || counts["former"] != 1 {
				t.Errorf("%d rows started %v", rows, counts)
			}
			if ids := w.query(1, `SELECT DISTINCT row_id FROM ashlar_jobs WHERE name = 'gone'`); len(ids) != rows {
				t.Errorf("the jobs are about %d rows, want %d", len(ids), rows)
			}
		}
		if strings.Contains(t.Name(), "functions") {
			return
		}
		fill(3, maxCascade+1)
		w.forget()
		if err := w.try("delete customers/3"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a deletion that starts too many jobs: %v", err)
		}
		if n := len(w.query(1, `SELECT id FROM ashlar_jobs`)); n > 0 {
			t.Errorf("it started %d jobs", n)
		}
	})
}

// While a row goes, others add rows below it. Each row that went has its job, and each that stays has none.
func TestRowsAddedWhileTheirParentGoes(t *testing.T) {
	each(t, shop, func(t *testing.T, w *world) {
		orders := w.table("orders")
		for round := range 30 {
			root := 1000 * (round + 1)
			w.must(fmt.Sprintf(`create orders {"id":%d}`, root), fmt.Sprintf(`create orders {"id":%d,"parent_id":%d}`, root+1, root))
			done := make(chan bool)
			go func() {
				defer close(done)
				for i := 2; i < 12; i++ {
					body := members(t, fmt.Sprintf(`{"id":%d,"parent_id":%d}`, root+i, root+i/2))
					if _, err := w.rows.Create(t.Context(), anybody, orders, body); err != nil && errs.KindOf(err) != errs.Conflict {
						t.Errorf("round %d: %v", round, err)
					}
				}
			}()
			if err := w.rows.Delete(t.Context(), anybody, orders, value.OfInt(int64(root)), nil); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
			<-done
		}
		made := w.query(1, `SELECT row_id FROM ashlar_jobs WHERE name = 'made'`)
		gone := w.query(1, `SELECT row_id FROM ashlar_jobs WHERE name = 'gone'`)
		left := w.query(1, `SELECT CAST(id AS TEXT) FROM orders`)
		if len(made) != len(gone)+len(left) {
			t.Errorf("%d rows were made, %d are there, and %d jobs tell of rows that went", len(made), len(left), len(gone))
		}
	})
}
