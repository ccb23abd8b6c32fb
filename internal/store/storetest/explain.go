package storetest

import (
	"slices"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// explains checks what an engine tells about plans: which columns an index serves, what runs again, and what is sorted.
func explains(t *testing.T, f *fixture) {
	err := f.db.Alter(t.Context(), func(s store.Session) error {
		for _, sql := range []string{
			`CREATE TABLE planned (id bigint PRIMARY KEY, state text NOT NULL, n bigint NOT NULL, other bigint NOT NULL)`,
			`INSERT INTO planned WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000) SELECT i, 's' || i, i, i FROM s`,
			`CREATE INDEX planned_state ON planned (state, n)`,
			`ANALYZE planned`,
		} {
			if _, err := s.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, sql string
		params    int
		own       store.Access // of the alias t0
		inner     bool         // the alias t1 runs for each row of t0
	}{
		{"a scan", `SELECT t0.id FROM planned AS t0 WHERE t0.other = $1 LIMIT 5`, 1, store.Access{}, false},
		{"a scan that is sorted", `SELECT t0.id FROM planned AS t0 WHERE t0.n > $1 ORDER BY t0.other LIMIT 5`, 1, store.Access{Collected: true}, false},
		{"the order of the key", `SELECT t0.id FROM planned AS t0 ORDER BY t0.id LIMIT 5`, 0, store.Access{}, false},
		{"a key", `SELECT t0.state FROM planned AS t0 WHERE t0.id = $1`, 1, store.Access{Equal: []string{"id"}}, false},
		{"an index", `SELECT t0.id FROM planned AS t0 WHERE t0.state = $1 AND t0.n > $2 ORDER BY t0.n LIMIT 5`, 2, store.Access{Equal: []string{"state"}, Ranged: []string{"n"}}, false},
		{"a subquery for each row", `SELECT t0.id FROM planned AS t0 WHERE (SELECT count(*) FROM planned AS t1 WHERE t1.state = t0.state AND t1.other = $1) = 2 ORDER BY t0.id LIMIT 5`, 1, store.Access{}, true},
	} {
		f.read(func(r store.Reader) error {
			plan, err := r.Explain(tt.sql, tt.params)
			if err != nil {
				return err
			}
			own := slices.IndexFunc(plan.Accesses, func(a store.Access) bool { return a.Alias == "t0" })
			if own < 0 {
				t.Errorf("%s: the plan is %+v, without t0", tt.name, plan)
				return nil
			}
			found := plan.Accesses[own]
			if !slices.Equal(found.Equal, tt.own.Equal) || !slices.Equal(found.Ranged, tt.own.Ranged) || found.Collected != tt.own.Collected {
				t.Errorf("%s: the access is %+v, want %+v", tt.name, found, tt.own)
			}
			again := func(a store.Access) bool { return a.Alias == "t1" && slices.Contains(a.Within, own) }
			if slices.ContainsFunc(plan.Accesses, again) != tt.inner {
				t.Errorf("%s: the plan is %+v, want t1 inside of t0: %t", tt.name, plan, tt.inner)
			}
			return nil
		})
	}
	f.read(func(r store.Reader) error { // the reader goes on after a plan
		if _, err := r.Explain(`SELECT n FROM planned WHERE id = $1`, 1); err != nil {
			return err
		}
		n, err := count(r, `SELECT n FROM planned WHERE id = $1`, value.OfInt(7))
		if n != 7 {
			t.Errorf("after a plan the row has n = %d, want 7", n)
		}
		return err
	})
	f.read(func(r store.Reader) error {
		if _, err := r.Explain(`SELECT nothing FROM planned`, 0); err == nil {
			t.Error("a statement that is wrong has a plan")
		}
		n, err := count(r, `SELECT count(*) FROM planned`)
		if n != 5000 {
			t.Errorf("after a wrong statement there are %d rows, want 5,000", n)
		}
		return err
	})
}
