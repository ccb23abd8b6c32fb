package migrate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestPostgresFieldBesideWriters makes numbers texts, while a server on the former model makes a row and changes another
// before each statement. At the switch those are found by an index, and no statement looks at all rows.
func TestPostgresFieldBesideWriters(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	const there = 5000
	for _, tt := range []struct {
		name, was, is string
		without       string // what servers write as no value, "" where they write one
		want          string // what that becomes
		fault         string // why the change is refused
	}{
		{name: "required", was: "type: int", is: "type: text"},
		{name: "optional", was: "type: int, optional: true", is: "type: text, optional: true", without: "NULL", want: "-"},
		{name: "required from now on", was: "type: int, optional: true", is: `type: text, default: "'given'"`, without: "NULL", want: "given"},
		{name: "required from now on, without a default", was: "type: int, optional: true", is: "type: text", without: "NULL", fault: "n is missing, and is required now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.URL(t)
			db, former := openPostgres(t, url), openPostgres(t, url)
			old, now := load(t, "  posts: {key: int, fields: {n: {"+tt.was+"}}}\n"), load(t, "  posts: {key: int, fields: {n: {"+tt.is+"}}}\n")
			mustApply(t, db, old, migrate.Options{})
			storetest.Exec(t, db, fmt.Sprintf(`INSERT INTO "posts" ("id", "n", "created_at", "updated_at", "_rev") SELECT i, i, now(), now(), 1 FROM generate_series(1, %d) AS i`, there))
			plan, err := migrate.NewPlan(context.Background(), db, now, anything)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int]string{}
			for i := 1; i <= there; i++ {
				want[i] = fmt.Sprint(i)
			}
			n, locked, switched, options := 0, false, false, anything
			options.OnStatement(func(sql string) error {
				switch {
				case strings.HasPrefix(sql, "LOCK TABLE"):
					if how := explained(t, former, plan); !strings.Contains(how, `"Index Name": "_rest_posts__n"`) {
						t.Errorf("rows that were written meanwhile are found by %s", how)
					}
					defer func() { locked = true }()
				case locked && strings.Contains(sql, "VALIDATE"):
					switched = true
				case locked && !switched && strings.Contains(sql, "SET NOT NULL"):
					t.Errorf("%s looks at all rows under the lock", sql)
				}
				if locked || strings.HasPrefix(sql, "CREATE FUNCTION") || strings.HasPrefix(sql, "CREATE TRIGGER") {
					return nil // what holds the table, would hold up the row
				}
				n++
				wrote, becomes := fmt.Sprint(-n), fmt.Sprint(-n)
				if tt.without != "" && ((tt.fault == "" && n%2 == 0) || strings.HasPrefix(sql, "LOCK TABLE")) {
					wrote, becomes = tt.without, tt.want
				}
				want[n], want[there+n] = becomes, becomes
				storetest.Exec(t, former, fmt.Sprintf(`UPDATE "posts" SET "n" = %s, "_rev" = %d WHERE "id" = %d`, wrote, n+1, n),
					fmt.Sprintf(`INSERT INTO "posts" ("id", "n", "created_at", "updated_at", "_rev") VALUES (%d, %s, now(), now(), 1)`, there+n, wrote))
				return nil
			})
			_, err = migrate.Apply(context.Background(), db, now, options)
			after := now.Model
			if tt.fault != "" {
				after = old.Model
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("Apply = %v, want it to say %q", err, tt.fault)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if !locked {
					t.Error("there was no switch")
				}
				compareFields(t, db, want)
			}
			w := &walk{t: t, db: db, is: &world{}}
			if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 || w.model() != string(snapshot.Encode(after)) {
				t.Errorf("the database differs from the model: %s, %v", strings.Join(drift, "\n"), err)
			}
			if left := w.left(); left != "" {
				t.Error(left)
			}
		})
	}
}

// explained is how PostgreSQL finds the rows that a plan converts at the switch.
func explained(t *testing.T, db store.DB, planned *plan.Plan) (how string) {
	t.Helper()
	for _, step := range planned.Steps {
		for _, part := range step.Parts {
			conv, ok := part.Loop.(*plan.Conversion)
			if !ok || step.Phase != plan.Switch {
				continue
			}
			sql, _ := conv.Query(value.Value{})
			err := db.Read(context.Background(), func(reader store.Reader) error {
				how = ""
				return reader.Query("EXPLAIN (FORMAT json) "+sql, nil, func(row value.Row) error {
					how += string(row.Bytes(0))
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return how
}

// compareFields compares the field n of all posts, "-" for none.
func compareFields(t *testing.T, db store.DB, want map[int]string) {
	t.Helper()
	err := db.Read(context.Background(), func(reader store.Reader) error {
		found := 0
		err := reader.Query(`SELECT "id", coalesce("n", '-') FROM "posts"`, nil, func(row value.Row) error {
			found++
			id := int(row.Int(0))
			if got := string(row.Bytes(1)); got != want[id] {
				t.Errorf("the row %d has %q, want %q", id, got, want[id])
			}
			return nil
		})
		if found != len(want) {
			t.Errorf("%d rows, want %d", found, len(want))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
