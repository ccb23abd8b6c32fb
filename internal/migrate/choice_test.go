package migrate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
)

// A table on SQLite that an earlier server made has IN for an enum. It counts as the model's, whatever else changes.
func TestFormerEnumIsNoDrift(t *testing.T) {
	engine := engines()[0]
	db, rules := engine.Empty(t), load(t, onePost+"      state: {type: enum, values: [open, \"it's\"]}\n      kind: {type: enum, values: [a], optional: true}\n")
	mustApply(t, db, rules, migrate.Options{})
	posts := rules.Model.Table("posts")
	table := ""
	for _, sql := range sqlgen.Create(sqlgen.SQLite, rules.Model) {
		if strings.HasPrefix(sql, `CREATE TABLE "posts"`) {
			table = sql
		}
	}
	for _, field := range posts.Fields {
		if former, differs := sqlgen.FormerColumn(field); differs {
			table = strings.Replace(table, sqlgen.DefineColumn(sqlgen.SQLite, field).String(), former.String(), 1)
		}
	}
	if !strings.Contains(table, `CHECK ("state" IN ('it''s', 'open'))`) || !strings.Contains(table, `CHECK ("kind" IN ('a'))`) {
		t.Fatalf("this is no former table: %s", table)
	}
	storetest.Exec(t, db, `DROP TABLE "posts"`, table)
	noDrift := func(when string) {
		t.Helper()
		if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify %s = %q, %v", when, drift, err)
		}
	}
	noDrift("of the former table")
	insert(t, db, posts, `{"id": 1, "state": "it's", "kind": null}`)
	if err := tryInsert(db, posts, `{"id": 2, "state": "open", "kind": "a"}`); err != nil {
		t.Error(err)
	}

	renamed := load(t, onePost+"      phase: {type: enum, values: [open, \"it's\"], was: state}\n      kind: {type: enum, values: [a], optional: true}\n")
	mustApply(t, db, renamed, anything)
	noDrift("after a new name")
	more := load(t, onePost+"      phase: {type: enum, values: [open, \"it's\", more]}\n      kind: {type: enum, values: [a], optional: true}\n")
	mustApply(t, db, more, anything)
	noDrift("after a new value")
	storetest.Exec(t, db, `DROP TABLE "posts"`, strings.Replace(table, "'open'", "'opened'", 1))
	if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) == 0 {
		t.Errorf("Verify of another list of values = %q, %v, want the difference", drift, err)
	}
}

// A value outside an enum is refused, however many values the enum has.
func TestEnumOfManyValues(t *testing.T) {
	for _, n := range []int{1, 2, 100, 101, 1000} {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprint("v", i)
		}
		engine := engines()[0]
		db, rules := engine.Empty(t), load(t, onePost+"      state: {type: enum, values: ["+strings.Join(values, ", ")+"], optional: true}\n")
		mustApply(t, db, rules, migrate.Options{})
		insertSQL := func(state string) error {
			return db.Write(context.Background(), func(tx store.Tx) error {
				_, err := tx.Exec(`INSERT INTO "posts" ("state", "created_at", "updated_at", "_rev") VALUES (`+state+`, 0, 0, 1)`, nil)
				return err
			})
		}
		for _, state := range []string{"NULL", "'" + values[0] + "'", "'" + values[n-1] + "'"} {
			if err := insertSQL(state); err != nil {
				t.Errorf("%d values: %s: %v", n, state, err)
			}
		}
		if err := insertSQL("'none'"); err == nil {
			t.Errorf("%d values: another value was taken", n)
		}
	}
}
