package migrate_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// guided are the changes in the table of docs/migrations.md, each as a table before and after.
var guided = []struct{ name, was, is string }{
	{"a key of another type", "posts: {key: int}", "posts: {key: text}"},
	{"a table added", "", "posts: {}"},
	{"a table dropped", "posts: {}", ""},
	{"a table renamed", "posts: {fields: {a: {type: int, optional: true}}}", "notes: {was: posts, fields: {a: {type: int, optional: true}}}"},
	{"an optional field", "posts: {}", "posts: {fields: {a: {type: int, optional: true}}}"},
	{"a required field, its default a constant or `now`", "posts: {}", "posts: {fields: {a: {type: int, default: 3}}}"},
	{"a required field, any other (table without rows)", "posts: {}", "posts: {fields: {a: {type: int}}}"},
	{"an optional reference", "posts: {}", "posts: {fields: {a: {ref: users, optional: true}}}"},
	{"a required reference, its default a constant", "posts: {}", `posts: {fields: {a: {ref: people, default: '"x"'}}}`},
	{"a field dropped", "posts: {fields: {a: {type: int}}}", "posts: {}"},
	{"a field renamed", "posts: {fields: {a: {type: int}}}", "posts: {fields: {b: {type: int, was: a}}}"},
	{"another type", "posts: {fields: {a: {type: text}}}", "posts: {fields: {a: {type: int}}}"},
	{"text becomes an enum", "posts: {fields: {a: {type: text}}}", "posts: {fields: {a: {type: enum, values: [x, y]}}}"},
	{"an enum becomes text", "posts: {fields: {a: {type: enum, values: [x, y]}}}", "posts: {fields: {a: {type: text}}}"},
	{"a decimal with more digits before the point", "posts: {fields: {a: {type: decimal, precision: 8, scale: 2}}}", "posts: {fields: {a: {type: decimal, precision: 12, scale: 2}}}"},
	{"a decimal with more digits after the point", "posts: {fields: {a: {type: decimal, precision: 8, scale: 2}}}", "posts: {fields: {a: {type: decimal, precision: 9, scale: 3}}}"},
	{"a decimal with fewer digits before the point", "posts: {fields: {a: {type: decimal, precision: 8, scale: 2}}}", "posts: {fields: {a: {type: decimal, precision: 6, scale: 2}}}"},
	{"optional becomes required", "posts: {fields: {a: {type: int, optional: true}}}", "posts: {fields: {a: {type: int, default: 1}}}"},
	{"required becomes optional", "posts: {fields: {a: {type: int}}}", "posts: {fields: {a: {type: int, optional: true}}}"},
	{"a value more in an enum", "posts: {fields: {a: {type: enum, values: [x, y]}}}", "posts: {fields: {a: {type: enum, values: [x, y, z]}}}"},
	{"a value fewer in an enum", "posts: {fields: {a: {type: enum, values: [x, y, z]}}}", "posts: {fields: {a: {type: enum, values: [x, y]}}}"},
	{"a value renamed", "posts: {fields: {a: {type: enum, values: [x, y]}}}", "posts: {fields: {a: {type: enum, values: [x, {name: z, was: y}]}}}"},
	{"a field becomes a reference", "posts: {fields: {a_id: {type: uuid, optional: true}}}", "posts: {fields: {a: {ref: users, optional: true}}}"},
	{"a reference becomes a field", "posts: {fields: {a: {ref: users, optional: true}}}", "posts: {fields: {a_id: {type: uuid, optional: true}}}"},
	{"`on_delete`", "posts: {fields: {a: {ref: users, optional: true}}}", "posts: {fields: {a: {ref: users, optional: true, on_delete: cascade}}}"},
	{"an index added", "posts: {fields: {a: {type: int}}}", "posts: {fields: {a: {type: int, index: true}}}"},
	{"an index dropped", "posts: {fields: {a: {type: int, index: true}}}", "posts: {fields: {a: {type: int}}}"},
	{"a `unique` added", "posts: {fields: {a: {type: int}}}", "posts: {fields: {a: {type: int, unique: true}}}"},
	{"a `unique` dropped", "posts: {fields: {a: {type: int, unique: true}}}", "posts: {fields: {a: {type: int}}}"},
	{"a check", "posts: {fields: {a: {type: int}}}", "posts: {fields: {a: {type: int}}, checks: [{expr: a > 0, message: m}]}"},
	{"a limit", "posts: {fields: {a: {type: int}}}", "posts: {fields: {a: {type: int, max: 3}}}"},
}

// The table of docs/migrations.md says of each change what the plans of both engines say.
func TestGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{} // by change: the hazards on SQLite, on PostgreSQL
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| \*\*([^*]+)\*\*[^|]*\| \*\*([^*]+)\*\*[^|]*\|$`).FindAllStringSubmatch(string(page), -1) {
		said[row[1]] = row[2:]
	}
	if len(said) != len(guided) {
		t.Errorf("the page has %d changes, this test %d", len(said), len(guided))
	}
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		column, path := 0, filepath.Join(t.TempDir(), "test.db")
		open := func() store.DB { return openFile(t, path) }
		if eng.Name != "SQLite" {
			column = 1
			url := pgtest.URL(t)
			open = func() store.DB { return openPostgres(t, url) }
		}
		var db store.DB
		tables := func(text string) *rule.Rules { return load(t, "  people: {key: text}\n  "+text+"\n") }
		to := func(text string) *plan.Plan {
			plan, err := migrate.NewPlan(t.Context(), db, tables(text), anything)
			if err != nil {
				t.Fatal(err)
			}
			return plan
		}
		for _, g := range guided {
			if said[g.name] == nil {
				t.Errorf("the page does not have %q", g.name)
				continue
			}
			db = open() // anew: a server does not look at rows again after a change of their types
			for _, text := range []string{"", g.was} {
				mustApply(t, db, tables(text), allow(to(text).Drops()...))
			}
			if got := to(g.is).Hazards().String(); got != said[g.name][column] {
				t.Errorf("%s is %q, and the page says %q", g.name, got, said[g.name][column])
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
