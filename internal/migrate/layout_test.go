package migrate_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var update = flag.Bool("update", false, "write the system tables of the current layout")

// The current layout is written down as it is. A change of the tables that a server of an earlier release cannot live with
// needs a new layout; any other change is planned like one of the app's tables.
func TestCurrentLayout(t *testing.T) {
	const file = "../system/layout2.json"
	got := string(snapshot.Encode(migrate.Options{}.OwnModel(&model.Model{})))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the system tables differ from layout %d (-want +got):\n%s", store.Layout, diff)
	}
}

// layout1 opens a copy of a database that a release with layout 1 has made: rows, a history of two entries, an email, a
// table with a key of type int, revisions.
func layout1(t *testing.T, eng modeltest.Engine) store.DB {
	t.Helper()
	if eng.Name == "SQLite" {
		data, err := os.ReadFile("testdata/layout1/ashlar.db")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "ashlar.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return openFile(t, path)
	}
	dump, err := os.ReadFile("testdata/layout1/postgres.sql")
	if err != nil {
		t.Fatal(err)
	}
	url := pgtest.URL(t)
	c, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(t.Context(), string(dump)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return openPostgres(t, url)
}

// layout1Model compiles one of the two models that the database had: former.yaml, and then ashlar.yaml.
func layout1Model(t *testing.T, name string) *rule.Rules {
	t.Helper()
	data, err := os.ReadFile("testdata/layout1/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return modeltest.Rules(t, string(data))
}

func layoutOf(t *testing.T, db store.DB) (layout int) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) (err error) {
		layout, err = system.Layout(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// contents returns all that the app and the database know about themselves, however the layout stores it.
func contents(t *testing.T, db store.DB, rules *rule.Rules) map[string]any {
	t.Helper()
	all := map[string]any{}
	history, err := migrate.History(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	all["history"] = history
	rows := record.New(db, rules, record.Config{})
	for _, table := range rules.Model.Tables {
		list, err := rows.List(t.Context(), caller.System("compare"), table, record.Query{Limit: 500}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all[table.Name] = string(list)
	}
	err = db.Read(t.Context(), func(reader store.Reader) error {
		for _, key := range []string{"model", "seeded"} {
			text, found, err := system.Get(reader, key)
			if err != nil || !found {
				t.Errorf("Get(%q) = %t, %v", key, found, err)
			}
			all[key] = text
		}
		return reader.Query(`SELECT "_rev" FROM "notes" WHERE "id" = 1`, nil, func(row value.Row) error {
			all["revision"] = row.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFromLayout1(t *testing.T) {
	rules, former := layout1Model(t, "ashlar.yaml"), layout1Model(t, "former.yaml")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		before := contents(t, db, rules)
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify() before = %v, %v", drift, err)
		}
		if p, err := migrate.NewPlan(t.Context(), db, rules, migrate.Options{}); err != nil || p.Layout != 1 || len(p.Changes) > 0 || layoutOf(t, db) != 1 {
			t.Errorf("Make() = %+v, %v, want a plan without changes that starts from layout 1", p, err)
		}
		if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{ServerRunning: true}); errs.KindOf(err) != errs.Conflict || layoutOf(t, db) != 1 {
			t.Errorf("Apply() beside a server = %v, want a conflict", err)
		}

		result, err := migrate.Apply(t.Context(), db, rules, migrate.Options{})
		if err != nil || result.Layout != 1 || len(result.Applied) > 0 {
			t.Fatalf("Apply() = %+v, %v", result, err)
		}
		if got := layoutOf(t, db); got != store.Layout {
			t.Errorf("layout = %d, want %d", got, store.Layout)
		}
		if diff := cmp.Diff(before, contents(t, db, rules)); diff != "" {
			t.Errorf("contents (-before +after):\n%s", diff)
		}
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify() after = %v, %v", drift, err)
		}
		if result, err := migrate.Apply(t.Context(), db, rules, migrate.Options{}); err != nil || result.Layout != 0 {
			t.Errorf("second Apply() = %+v, %v", result, err)
		}
		if err := tryInsert(db, rules.Model.Table("notes"), `{"id": 100, "title": "t", "stars": 1, "author_id": "018f0000-0000-7000-8000-0000000000a1"}`); err != nil {
			t.Error(err)
		}

		options := anything
		if _, err := migrate.Undo(t.Context(), db, options); err == nil || !strings.Contains(err.Error(), "undoing would lose data") {
			t.Errorf("Undo() = %v, want that stars are lost", err)
		}
		storetest.Exec(t, db, `UPDATE "notes" SET "stars" = 3`)
		if _, err := migrate.Undo(t.Context(), db, options); err != nil {
			t.Fatalf("Undo() = %v", err)
		}
		if changes, _, err := migrate.Differences(t.Context(), db, former.Model); err != nil || len(changes) > 0 {
			t.Errorf("after Undo() the tables differ from the former model: %v, %v", changes, err)
		}
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify() after Undo() = %v, %v", drift, err)
		}
	})
}

// Undo of a database of an older layout brings it to the current one first.
func TestUndoFromLayout1(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		storetest.Exec(t, db, `UPDATE "notes" SET "stars" = 3`)
		if result, err := migrate.Undo(t.Context(), db, anything); err != nil || result.Layout != 1 || layoutOf(t, db) != store.Layout {
			t.Errorf("Undo() = %+v, %v", result, err)
		}
	})
}

// A step that is interrupted before any of its statements has not happened, and the next start runs it.
func TestLayoutInterrupted(t *testing.T) {
	rules := layout1Model(t, "ashlar.yaml")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		before := contents(t, db, rules)
		killed := errors.New("killed")
		for cut := 1; ; cut++ {
			ran := 0
			var options migrate.Options
			options.OnStatement(func(string) error {
				if ran++; ran == cut {
					return killed
				}
				return nil
			})
			_, err := migrate.Apply(t.Context(), db, rules, options)
			if err == nil {
				if cut < 8 {
					t.Errorf("the step has %d statements, want more", cut-1)
				}
				break
			}
			if !errors.Is(err, killed) || layoutOf(t, db) == store.Layout {
				t.Fatalf("Apply() cut at %d = %v, layout %d", cut, err, layoutOf(t, db))
			}
			if diff := cmp.Diff(before, contents(t, db, rules)); diff != "" {
				t.Fatalf("cut at %d (-before +after):\n%s", cut, diff)
			}
		}
		if diff := cmp.Diff(before, contents(t, db, rules)); diff != "" {
			t.Errorf("in the end (-before +after):\n%s", diff)
		}
	})
}

// Before a new layout the database is copied, once for all that follows. Without the copy nothing happens.
func TestLayoutIsCopiedFirst(t *testing.T) {
	rules := layout1Model(t, "ashlar.yaml")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		noRoom := errors.New("no room")
		refused := migrate.Options{Copy: func(context.Context) (string, error) { return "", noRoom }}
		if result, err := migrate.Apply(t.Context(), db, rules, refused); !errors.Is(err, noRoom) || result.Copy != "" || layoutOf(t, db) != 1 {
			t.Errorf("Apply() without room = %+v, %v", result, err)
		}
		copies, at := 0, 0
		options := anything
		options.Copy = func(context.Context) (string, error) {
			copies, at = copies+1, layoutOf(t, db)
			return "copy.db", nil
		}
		other := modeltest.Rules(t, strings.Replace(layout1Text(t), "stars:   {type: int, default: 3,", "stars:   {type: text, default: '\"3\"',", 1))
		if result, err := migrate.Apply(t.Context(), db, other, options); err != nil || result.Copy != "copy.db" || result.Layout != 1 {
			t.Fatalf("Apply() = %+v, %v", result, err)
		}
		if copies != 1 || at != 1 {
			t.Errorf("%d copies, the last one of layout %d, want one of layout 1", copies, at)
		}
	})
}

// A change of the model that is not permitted leaves the layout, so that the former release still opens the database.
func TestRefusedChangeKeepsTheLayout(t *testing.T) {
	other := modeltest.Rules(t, strings.Replace(layout1Text(t), "      stars:   {type: int, default: 3, index: true}\n", "", 1))
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		if _, err := migrate.Apply(t.Context(), db, other, migrate.Options{}); err == nil || layoutOf(t, db) != 1 {
			t.Errorf("Apply() = %v, layout %d, want a refusal in layout 1", err, layoutOf(t, db))
		}
	})
}

func layout1Text(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/layout1/ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// jobs is a system table of a package above this one.
func jobs(*model.Model) []*model.Table {
	state := &model.Field{Name: "state", Type: model.Enum, Values: []model.EnumValue{{Name: "waiting"}, {Name: "done"}}, Index: true}
	return []*model.Table{system.NewTable("ashlar_jobs", model.UUID, state, system.Text("args"))}
}

// A release with more system tables makes them like any table of the app, and one with fewer leaves them alone.
func TestSystemTableAdded(t *testing.T) {
	rules := load(t, "  posts: {key: int, fields: {title: {type: text}}}\n")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, rules, migrate.Options{})
		with := migrate.Options{System: []system.Fragment{jobs}, Now: func() time.Time { return time.Unix(1, 0) }}
		result := mustApply(t, db, rules, with)
		if diff := cmp.Diff([]string{"table added: ashlar_jobs"}, result.Applied); diff != "" {
			t.Errorf("Applied (-want +got):\n%s", diff)
		}
		for _, options := range []migrate.Options{with, {}} {
			if result := mustApply(t, db, rules, options); len(result.Applied) > 0 {
				t.Errorf("Apply() again = %v, want nothing", result.Applied)
			}
		}
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("Verify() = %v, %v", drift, err)
		}
		storetest.Exec(t, db, `DROP INDEX "i_ashlar_jobs__state"`)
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) != 1 {
			t.Errorf("Verify() = %v, %v, want that the index is missing", drift, err)
		}
	})
}

// Only the system opens a system table, and through the door of all rows.
func TestSystemTablesAreRecords(t *testing.T) {
	rules := load(t, "  posts: {key: int, fields: {title: {type: text}}}\n")
	own, faults := rule.CompileModel(migrate.Options{}.OwnModel(rules.Model))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		mustApply(t, db, rules, migrate.Options{})
		rows := record.New(db, own, record.Config{})
		user := caller.User(caller.Identity{ID: "018f0000-0000-7000-8000-0000000000a1", Roles: []string{"editor"}})
		for _, table := range own.Model.Tables {
			list, err := rows.List(t.Context(), caller.System("look"), table, record.Query{Limit: 10}, nil)
			if err != nil || !strings.Contains(string(list), `{"id":`) {
				t.Errorf("List(system, %s) = %s, %v", table.Name, list, err)
			}
			for _, who := range []caller.Caller{{}, user} {
				if list, err := rows.List(t.Context(), who, table, record.Query{Limit: 10}, nil); err == nil {
					t.Errorf("List(%v, %s) = %s, want a refusal", who, table.Name, list)
				}
			}
		}
	})
}
