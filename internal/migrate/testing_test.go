package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// engines are SQLite, and PostgreSQL if it is installed.
func engines() []modeltest.Engine {
	all := []modeltest.Engine{modeltest.SQLite(sqlite.Config{Logger: slog.New(slog.DiscardHandler)})}
	if pgtest.Available() {
		all = append(all, modeltest.Postgres(postgres.Config{}))
	}
	return all
}

// onEach runs a test on every engine.
func onEach(t *testing.T, f func(t *testing.T, eng modeltest.Engine)) {
	t.Helper()
	for _, eng := range engines() {
		t.Run(eng.Name, func(t *testing.T) { f(t, eng) })
	}
}

func openFile(t *testing.T, path string) store.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), path, sqlite.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // refused where the test has closed it
	return db
}

func openPostgres(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := postgres.Open(context.Background(), url, postgres.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// load compiles a model of tables, as they stand under `tables:`.
func load(t testing.TB, tables string) *rule.Rules {
	t.Helper()
	return modeltest.Rules(t, "ashlar: 1\nname: test\ntables:\n"+tables)
}

// anything allows whatever a plan does, but what it loses.
var anything = migrate.Options{Hazards: plan.Rewrites | plan.Breaks, By: "a test"}

func allow(drops ...string) migrate.Options {
	o := anything
	o.Allow = drops
	return o
}

func mustApply(t testing.TB, db store.DB, rules *rule.Rules, options migrate.Options) migrate.Result {
	t.Helper()
	result, err := migrate.Apply(context.Background(), db, rules, options)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return result
}

// insert adds a row of JSON values to a table of the model.
func insert(t testing.TB, db store.DB, table *model.Table, members string) {
	t.Helper()
	if err := tryInsert(db, table, members); err != nil {
		t.Fatalf("%s %s: %v", table.Name, members, err)
	}
}

func tryInsert(db store.DB, table *model.Table, members string) error {
	object, err := value.DecodeObject([]byte(members))
	if err != nil {
		return err
	}
	return db.Write(context.Background(), func(tx store.Tx) error {
		var columns, places []string
		var args []value.Value
		add := func(column string, v value.Value) {
			columns, args = append(columns, `"`+column+`"`), append(args, v)
			places = append(places, fmt.Sprintf("$%d", len(args)))
		}
		for _, m := range object {
			field := table.Field(m.Name)
			if field == nil {
				return fmt.Errorf("no field %s", m.Name)
			}
			val, faults := value.ParseJSON(field, m.Raw, "")
			if len(faults) > 0 {
				return errors.New(faults[0].Detail)
			}
			add(m.Name, val)
		}
		revision, err := tx.Revision()
		if err != nil {
			return err
		}
		add("created_at", value.OfTimestamp(0))
		add("updated_at", value.OfTimestamp(0))
		add("_rev", value.OfInt(revision))
		tx.MarkChanged(table.Name)
		_, err = tx.Exec(fmt.Sprintf(`INSERT INTO "%s" (%s) VALUES (%s)`, table.Name, strings.Join(columns, ", "), strings.Join(places, ", ")), args)
		return err
	})
}

// rows are the declared fields of all rows of a table as JSON, in the order of their ids, a line each.
func rows(t testing.TB, db store.DB, table *model.Table) string {
	t.Helper()
	var fields []*model.Field
	var columns []string
	for _, field := range table.Fields {
		if field.Name != "created_at" && field.Name != "updated_at" {
			fields, columns = append(fields, field), append(columns, `"`+field.Name+`"`)
		}
	}
	var lines []string
	err := db.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(fmt.Sprintf(`SELECT %s FROM "%s"`, strings.Join(columns, ", "), table.Name), nil, func(row value.Row) error {
			var b []byte
			for i, field := range fields {
				if i > 0 {
					b = append(b, ' ')
				}
				b = value.AppendJSON(b, field, row, i)
			}
			lines = append(lines, string(b))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
