package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// TestPostgresKeyBesideWriters makes text keys numbers, while a server on the former model makes a row before each statement.
func TestPostgresKeyBesideWriters(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	old, now := load(t, "  posts: {key: text}\n"), load(t, "  posts: {key: int}\n")
	const check = `CHECK ("_new_id" IS NOT NULL) NOT VALID`
	for _, tt := range []struct {
		name  string
		key   func(n int) string // of the nth row, which is made before the nth statement
		from  string             // how the first of these statements begins
		bound bool               // from the check on they are refused
		fault string             // why the change is
	}{
		{name: "that the trigger converts", key: func(n int) string { return fmt.Sprint(-n) }},
		{name: "that it leaves", key: func(n int) string { return fmt.Sprint(n, strings.Repeat("0", 18)) }, bound: true},
		{name: "that are no numbers", key: func(n int) string { return fmt.Sprint("no ", n) }, from: "CREATE UNIQUE INDEX", bound: true, fault: "the row no "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.URL(t)
			db, former := openPostgres(t, url), openPostgres(t, url)
			mustApply(t, db, old, migrate.Options{})
			insert(t, db, old.Model.Table("posts"), `{"id": "77"}`)
			made, n, begun, bound, switched, options := 1, 0, false, false, false, anything
			options.OnStatement(func(sql string) error {
				begun = begun || strings.HasPrefix(sql, tt.from)
				switched = switched || strings.HasPrefix(sql, "LOCK TABLE")
				if !begun || switched || strings.HasPrefix(sql, "CREATE FUNCTION") || strings.HasPrefix(sql, "CREATE TRIGGER") {
					return nil // what holds the table, would hold up the row
				}
				n++
				err := tryInsert(former, old.Model.Table("posts"), `{"id": "`+tt.key(n)+`"}`)
				_, refused := errors.AsType[*store.ConstraintError](err)
				switch {
				case err == nil && !bound:
					made++
				case !bound || !refused:
					t.Errorf("before %q a row of the former model: %v", sql, err)
				}
				bound = bound || (tt.bound && strings.HasSuffix(sql, check))
				return nil
			})
			_, err := migrate.Apply(context.Background(), db, now, options)
			if bound != tt.bound || switched != (tt.fault == "") {
				t.Errorf("rows were refused: %t, the tables switched: %t", bound, switched)
			}
			after := now.Model
			if tt.fault != "" {
				after = old.Model
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("Apply = %v, want it to say %q", err, tt.fault)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if got := len(strings.Split(rows(t, db, after.Table("posts")), "\n")); got != made {
				t.Errorf("%d rows, want %d", got, made)
			}
			w := &walk{t: t, db: db, is: &world{}}
			if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 || w.model() != string(snapshot.Encode(after)) {
				t.Errorf("the database differs from the model: %s, %v", strings.Join(drift, "\n"), err)
			}
		})
	}
}
