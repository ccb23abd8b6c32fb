package migrate

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
)

func readCatalog(t testing.TB, db store.DB, rules *rule.Rules) (got map[string]string) {
	t.Helper()
	err := db.Alter(context.Background(), func(s store.Session) (err error) {
		got, _, err = engineOf(s.Dialect()).Catalogs(s, rules.Model, db.EngineTables())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAsFresh compares the catalogue with the catalogue of a database with new tables.
func sameAsFresh(t *testing.T, eng testEngine, db store.DB, rules *rule.Rules) {
	t.Helper()
	if drift, err := Verify(context.Background(), db); err != nil || len(drift) > 0 {
		t.Errorf("Verify = %q, %v", drift, err)
	}
	if eng.name != "sqlite" {
		return // Verify has made the tables anew, beside these
	}
	fresh := eng.open(t)
	mustApply(t, fresh, rules, Options{})
	if diff := cmp.Diff(readCatalog(t, fresh, rules), readCatalog(t, db, rules)); diff != "" {
		t.Errorf("the catalogue differs from a fresh one (-fresh +got):\n%s", diff)
	}
}
