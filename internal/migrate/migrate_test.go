package migrate

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func model(t *testing.T, tables string) *schema.Model {
	t.Helper()
	m, faults := schema.ParseSource(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: test\ntables:\n" + tables)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return m
}

func open(t *testing.T) store.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func apply1(t *testing.T, db store.DB, m *schema.Model) Result {
	t.Helper()
	result, err := Apply(context.Background(), db, m)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func write(t *testing.T, db store.DB, statements ...string) {
	t.Helper()
	err := db.Write(context.Background(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// definition returns the SQL of all tables, indexes and triggers, and the stored model.
func definition(t *testing.T, db store.DB) string {
	t.Helper()
	var all []string
	err := db.Read(context.Background(), func(r store.Reader) error {
		err := r.Query(`SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name`, nil, func(row value.Row) error {
			all = append(all, string(row.Bytes(0)))
			return nil
		})
		text, _, metaErr := Meta(r, modelKey)
		all = append(all, text)
		return errors.Join(err, metaErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

const before = `
  teams: {key: int, fields: {name: {type: text}}}
  posts:
    key: int
    fields:
      title: {type: text}
      rank: {type: int}
`

const rows = `INSERT INTO posts (id, title, rank, created_at, updated_at, _rev) VALUES (1, 'a', 1, 0, 0, 1), (2, 'b', 1, 0, 0, 2)`

func TestNewDatabase(t *testing.T) {
	db, m := open(t), model(t, before)
	if changes, isNew, err := Check(context.Background(), db, m); err != nil || !isNew || changes != nil {
		t.Errorf("Check = %v, %v, %v, want a new database", changes, isNew, err)
	}
	if got := apply1(t, db, m); !got.Created || got.Applied != nil {
		t.Errorf("Apply = %+v, want created", got)
	}
	write(t, db, rows)
	if got := apply1(t, db, m); got.Created || got.Applied != nil {
		t.Errorf("the second Apply = %+v, want nothing", got)
	}
	if changes, isNew, err := Check(context.Background(), db, m); err != nil || isNew || len(changes) > 0 {
		t.Errorf("Check = %v, %v, %v, want no change", changes, isNew, err)
	}
}

func TestAdditions(t *testing.T) {
	db := open(t)
	apply1(t, db, model(t, before))
	write(t, db, rows)
	after := model(t, `
  tags: {key: int, fields: {name: {type: text, unique: true}, post: {ref: posts, on_delete: clear, optional: true}}}
  teams: {key: int, fields: {name: {type: text}}}
  posts:
    key: int
    fields:
      title: {type: text, unique: true}
      rank: {type: int, index: true}
      team: {ref: teams, optional: true, on_delete: clear}
      code: {type: uuid, optional: true, unique: true}
    unique: [[title, rank], [team, rank]]
    access: {read: true}
`)
	want := []string{
		"table added: tags",
		"field added: posts.team_id: optional",
		"field added: posts.code: optional",
		"unique added: posts [title]",
		"unique added: posts [code]",
		"unique added: posts [title, rank]",
		"unique added: posts [team_id, rank]",
		"index added: posts [rank]",
	}
	if diff := cmp.Diff(want, apply1(t, db, after).Applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if changes, _, err := Check(context.Background(), db, after); err != nil || len(changes) > 0 {
		t.Errorf("Check = %v, %v, want no change", changes, err)
	}

	write(t, db,
		`INSERT INTO teams (id, name, created_at, updated_at, _rev) VALUES (1, 't', 0, 0, 3)`,
		`UPDATE posts SET team_id = 1, _rev = 4 WHERE id = 1`,
		`DELETE FROM teams`)
	var revision int64
	err := db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(`SELECT _rev FROM posts WHERE id = 1 AND team_id IS NULL`, nil, func(row value.Row) error {
			revision = row.Int(0)
			return nil
		})
	})
	if err != nil || revision == 0 || revision == 4 {
		t.Errorf("revision of a cleared post = %d, %v, want a new one", revision, err)
	}
}

// TestSameAsCreated compares a database that grew with one that was made at once, apart from the place of columns.
func TestSameAsCreated(t *testing.T) {
	const table = "\n  a: {key: int, fields: {n: {type: int}}}"
	after := model(t, table+"\n  b: {fields: {a: {ref: a, on_delete: cascade, reverse: bs}, x: {type: enum, values: [p, q]}}, indexes: [[x, a]]}")
	grown, made := open(t), open(t)
	apply1(t, grown, model(t, table))
	apply1(t, grown, after)
	apply1(t, made, after)
	if diff := cmp.Diff(definition(t, made), definition(t, grown)); diff != "" {
		t.Errorf("made at once and grown differ (-made +grown):\n%s", diff)
	}
}

func TestRulesAlone(t *testing.T) {
	db := open(t)
	apply1(t, db, model(t, before))
	after := model(t, strings.Replace(before, "title: {type: text}", "title: {type: text, max: 9, default: \"'x'\", read: rank > 1}", 1))
	if got := apply1(t, db, after); got.Created || len(got.Applied) > 0 {
		t.Errorf("Apply = %+v, want nothing", got)
	}
	if !strings.Contains(definition(t, db), "rank > 1") {
		t.Error("the stored model is not the new one")
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string // what is replaced in before
		want           []string
	}{
		{"required field", "rank:", "more: {type: int}\n      rank:", []string{
			"ashlar.yaml:10:7: the database cannot follow this change by itself: field added: posts.more: required; its rows have no value for a required field: make it optional"}},
		{"two at once", "  teams: {key: int, fields: {name: {type: text}}}\n  posts:\n    key: int", "  posts:\n    key: text", []string{
			"ashlar.yaml:1:1: the database cannot follow this change by itself: table dropped: teams; put it back, or begin with a new data folder",
			"ashlar.yaml:5:3: the database cannot follow this change by itself: key changed: posts: was int, is text; leave it as it was, or begin with a new data folder"}},
		{"an addition beside it", "rank: {type: int}", "rank: {type: float}\n      more: {type: int, optional: true}", []string{
			"ashlar.yaml:10:7: the database cannot follow this change by itself: type changed: posts.rank: was int, is float; leave it as it was, or begin with a new data folder"}},
		{"renamed", "rank:", "place: {was: rank, type: int}\n      x:", []string{
			"ashlar.yaml:10:7: the database cannot follow this change by itself: field renamed: posts.place: was rank, is place; keep the old name, or begin with a new data folder",
			"ashlar.yaml:11:7: the database cannot follow this change by itself: field added: posts.x: required; its rows have no value for a required field: make it optional"}},
		{"unique against rows", "rank: {type: int}", "rank: {type: int, unique: true}", []string{
			"ashlar.yaml:10:7: rows of the database have the same values already: unique added: posts [rank]; change them, or remove this"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			apply1(t, db, model(t, before))
			write(t, db, rows)
			was := definition(t, db)

			_, err := Apply(context.Background(), db, model(t, strings.Replace(before, tt.old, tt.new, 1)))
			faults, ok := errors.AsType[schema.Faults](err)
			if !ok {
				t.Fatalf("Apply = %v, want schema.Faults", err)
			}
			var got []string
			for _, f := range faults {
				got = append(got, f.Pos.String()+": "+f.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(was, definition(t, db)); diff != "" {
				t.Errorf("the database changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestFormatOfTomorrow(t *testing.T) {
	db, m := open(t), model(t, before)
	apply1(t, db, m)
	write(t, db, `UPDATE ashlar_meta SET value = '{"ashlar": 2}' WHERE key = 'model'`)
	if _, err := Apply(context.Background(), db, m); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("Apply = %v, want a refusal that names the format", err)
	}
}

func TestMeta(t *testing.T) {
	db := open(t)
	get := func() (text string, found bool) {
		err := db.Read(context.Background(), func(r store.Reader) (err error) {
			text, found, err = Meta(r, "seeded")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text, found
	}
	if text, found := get(); found {
		t.Errorf("Meta of a new database = %q", text)
	}
	apply1(t, db, model(t, before))
	if text, found := get(); found {
		t.Errorf("Meta before SetMeta = %q", text)
	}
	for _, want := range []string{"yes", ""} {
		if err := db.Write(context.Background(), func(tx store.Tx) error { return SetMeta(tx, "seeded", want) }); err != nil {
			t.Fatal(err)
		}
		if text, found := get(); !found || text != want {
			t.Errorf("Meta = %q, %v, want %q", text, found, want)
		}
	}
}
