package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// meters checks that the engine counts the work of statements: the same each time, and less with an index.
func meters(t *testing.T, f *fixture) {
	meter, ok := f.db.(store.Meter)
	if !ok {
		t.Fatalf("%T is no store.Meter", f.db)
	}
	f.exec(`CREATE TABLE metered (id bigint PRIMARY KEY, n bigint NOT NULL)`)
	f.write(func(tx store.Tx) error {
		for id := range int64(2000) {
			if _, err := tx.Exec(`INSERT INTO metered (id, n) VALUES ($1, $2)`, []value.Value{value.OfInt(id), value.OfInt(id % 1000)}); err != nil {
				return err
			}
		}
		return nil
	})
	find := store.Statement{SQL: `SELECT id FROM metered WHERE n = $1`, Args: []value.Value{value.OfInt(7)}}
	before, err := meter.Measure(t.Context(), find)
	if err != nil {
		t.Fatal(err)
	}
	if before.Steps < 2000 || before.Took <= 0 {
		t.Errorf("a look through 2,000 rows took %+v", before)
	}
	if again, err := meter.Measure(t.Context(), find); err != nil || again.Steps != before.Steps {
		t.Errorf("the same statement took %d steps, then %d (%v)", before.Steps, again.Steps, err)
	}
	err = f.db.Alter(t.Context(), func(s store.Session) error {
		_, err := s.Exec(`CREATE INDEX metered_n ON metered (n)`, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if after, err := meter.Measure(t.Context(), find); err != nil || after.Steps > before.Steps/10 {
		t.Errorf("with an index it took %d steps, before %d (%v)", after.Steps, before.Steps, err)
	}
	if size, err := meter.IndexSize(t.Context(), "metered_n"); err != nil || size < 4096 {
		t.Errorf("the index has %d bytes (%v)", size, err)
	}
	if _, err := meter.Measure(t.Context(), store.Statement{SQL: `SELECT nothing FROM metered`}); err == nil {
		t.Error("a statement with an unknown column is no error")
	}
	used, since, err := meter.UsedIndexes(t.Context(), []string{find.SQL, `SELECT nothing FROM metered`})
	if err != nil || since.After(time.Now()) {
		t.Fatalf("UsedIndexes() since %v: %v", since, err)
	}
	if !f.db.Dialect().HasStatistics() && !slices.Equal(used, []string{"metered_n"}) { // PostgreSQL counts some time later
		t.Errorf("the used indexes are %v, want metered_n", used)
	}
}
