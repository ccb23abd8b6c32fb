package migrate_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

func readCatalog(t testing.TB, db store.DB, rules *rule.Rules) (got map[string]string) {
	t.Helper()
	err := db.Alter(context.Background(), func(s store.Session) (err error) {
		got, err = migrate.Catalog(s, rules.Model, db.EngineTables())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAsFresh compares the catalogue with the catalogue of a database with new tables.
func sameAsFresh(t *testing.T, eng modeltest.Engine, db store.DB, rules *rule.Rules) {
	t.Helper()
	if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
		t.Errorf("Verify = %q, %v", drift, err)
	}
	if eng.Name != "SQLite" {
		return // Verify has made the tables anew, beside these
	}
	fresh := eng.Empty(t)
	mustApply(t, fresh, rules, migrate.Options{})
	if diff := cmp.Diff(readCatalog(t, fresh, rules), readCatalog(t, db, rules)); diff != "" {
		t.Errorf("the catalogue differs from a fresh one (-fresh +got):\n%s", diff)
	}
}
