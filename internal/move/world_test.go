package move

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
)

// Random rows of random models return unchanged from a move through both engines. Each engine gives every caller the
// answers of the first.
func TestThereAndBack(t *testing.T) {
	random := effort.Seeds(t)
	for i := range effort.Cases(8, 500) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := oracle.New(t, random(i))
			d := w.Fill(oracle.MaxRows)
			first := openSQLite(t)
			if _, err := migrate.Apply(t.Context(), first, w.Rules, migrate.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := d.Insert(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			rows, answers := dump(t, first, w.Model), answersOf(t, d, first)
			from := first
			for _, e := range slices.Concat(engines[1:], engines[:1]) {
				to := e.open(t)
				moved(t, w.Model, from, to)
				if diff := cmp.Diff(rows, dump(t, to, w.Model)); diff != "" {
					t.Errorf("rows in %s (-want +got):\n%s\n%s", e.name, diff, w.Source)
				}
				if diff := cmp.Diff(answers, answersOf(t, d, to)); diff != "" {
					t.Errorf("answers of %s (-want +got):\n%s\n%s", e.name, diff, w.Source)
				}
				from = to
			}
		})
	}
}

// answersOf returns each caller's answers for each table, in the API's form.
func answersOf(t *testing.T, d *oracle.Data, db store.DB) (all []string) {
	t.Helper()
	rows := record.New(db, d.Rules, record.Config{})
	for i := range oracle.Callers {
		who := d.As(i).Caller
		for _, table := range d.Model.Tables {
			body, err := rows.List(t.Context(), who, table, record.Query{Limit: 500, Total: true}, nil)
			if err != nil {
				body = []byte(err.Error())
			}
			all = append(all, fmt.Sprintf("%s %d %s", table.Name, i, body))
		}
	}
	return all
}
