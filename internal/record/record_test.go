package record

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// open returns the rows of a model on a database of its own.
func open(t testing.TB, source string) *DB {
	t.Helper()
	return openWith(t, source, sqlite.Config{Readers: 4, ReadTimeout: 300 * time.Millisecond}, Config{})
}

func openWith(t testing.TB, source string, engine sqlite.Config, cfg Config) *DB {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := migrate.Apply(context.Background(), db, rules, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	cfg.Now = func() time.Time {
		return time.Date(2026, 11, 23, 12, 0, int(calls.Add(1)), 0, time.UTC)
	}
	return New(db, rules, cfg)
}

const notes = `
ashlar: 1
name: notes
roles: [editor]
tables:
  teams:
    key: text
    fields:
      name: {type: text, max: 80, unique: true}
      open: {type: bool, default: false}
    access: {read: open || 'editor' in auth.roles, write: "'editor' in auth.roles"}
  notes:
    key: int
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, immutable: true, reverse: notes}
      team:  {ref: teams, optional: true, reverse: notes, on_delete: clear}
      stars: {type: int, optional: true, min: 0, max: 5}
      secret_note: {type: text, optional: true, read: owner_id == auth.id}
    checks:
      - {expr: "old == null || old.stars == null || stars == null || stars >= old.stars", message: stars never fall}
    access:
      read: stars == null || stars < 5 || owner_id == auth.id
      create: owner_id == auth.id
      update: owner_id == auth.id
      delete: owner_id == auth.id && stars != 4
`

var (
	ann    = caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000a"})
	bob    = caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000b"})
	editor = caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000e", Roles: []string{"editor"}})
	nobody = caller.Caller{}
	system = caller.System("test")
)

func members(t testing.TB, body string) []value.Member {
	t.Helper()
	m, err := value.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (d *DB) create(t testing.TB, who caller.Caller, table, body string) (Row, error) {
	t.Helper()
	return d.Create(context.Background(), who, d.rules.Model.Table(table), members(t, body))
}

func (d *DB) must(t testing.TB, who caller.Caller, table, body string) Row {
	t.Helper()
	w, err := d.create(t, who, table, body)
	if err != nil {
		t.Fatalf("create %s %s: %v", table, body, err)
	}
	return w
}

func withUsers(t testing.TB) *DB {
	d := open(t, notes)
	for _, u := range []caller.Caller{ann, bob, editor} {
		id, _ := u.ID()
		d.must(t, system, "users", `{"id":"`+id+`"}`)
	}
	d.must(t, editor, "teams", `{"id":"red","name":"Red","open":true}`)
	d.must(t, editor, "teams", `{"id":"blue","name":"Blue"}`)
	return d
}

func TestCreateAnswersWithTheRow(t *testing.T) {
	d := withUsers(t)
	w := d.must(t, ann, "notes", `{"title":"a \"b\"","team_id":"red","secret_note":"x"}`)
	want := `{"id":1,"title":"a \"b\"","owner_id":"00000000-0000-7000-8000-00000000000a","team_id":"red","stars":null,"secret_note":"x","created_at":"2026-11-23T12:00:06.000000Z","updated_at":"2026-11-23T12:00:06.000000Z"}`
	if string(w.JSON) != want || w.ID.Int != 1 || w.Revision == 0 {
		t.Errorf("got %s %+v\nwant %s", w.JSON, w, want)
	}
	row, err := d.Get(context.Background(), bob, d.rules.Model.Table("notes"), w.ID, Selection{}, nil)
	if err != nil || !strings.Contains(string(row.JSON), `"secret_note":null`) || row.Revision != w.Revision {
		t.Errorf("bob sees %s, %v", row.JSON, err)
	}
}

func TestRefusals(t *testing.T) {
	d := withUsers(t)
	d.must(t, ann, "notes", `{"id":7,"title":"n","stars":5}`)
	d.must(t, ann, "notes", `{"id":8,"title":"n","stars":4}`)
	notes := d.rules.Model.Table("notes")
	create := func(who caller.Caller, body string) error { _, err := d.create(t, who, "notes", body); return err }
	update := func(who caller.Caller, id int64, body string, m Match) error {
		_, err := d.Update(context.Background(), who, notes, value.OfInt(id), members(t, body), m)
		return err
	}
	remove := func(who caller.Caller, id int64) error {
		return d.Delete(context.Background(), who, notes, value.OfInt(id), nil)
	}
	for _, tt := range []struct {
		name string
		err  error
		want errs.Kind
		code string // of the first fault
	}{
		{"anonymous cannot create", create(nobody, `{"title":"x"}`), errs.Unauthenticated, ""},
		{"another's note", create(ann, `{"title":"x","owner_id":"00000000-0000-7000-8000-00000000000b"}`), errs.Forbidden, ""},
		{"missing title", create(ann, `{}`), errs.Invalid, "required"},
		{"unknown member", create(ann, `{"title":"x","nope":1}`), errs.Invalid, "unknown"},
		{"out of range", create(ann, `{"title":"x","stars":6}`), errs.Invalid, "max"},
		{"taken id", create(ann, `{"id":7,"title":"x"}`), errs.Conflict, "unique"},
		{"hidden team", create(ann, `{"title":"x","team_id":"blue"}`), errs.Conflict, "reference"},
		{"no team", create(ann, `{"title":"x","team_id":"grey"}`), errs.Conflict, "reference"},
		{"another's note, and a taken id", create(ann, `{"id":7,"title":"x","owner_id":"`+"00000000-0000-7000-8000-00000000000b"+`"}`), errs.Forbidden, ""},
		{"hidden row", update(bob, 7, `{"title":"x"}`, nil), errs.NotFound, ""},
		{"no row", update(bob, 99, `{"title":"x"}`, nil), errs.NotFound, ""},
		{"visible row of another", update(bob, 8, `{"title":"x"}`, nil), errs.Forbidden, ""},
		{"stale goes before forbidden", update(bob, 8, `{"title":"x"}`, func(int64) bool { return false }), errs.Stale, ""},
		{"immutable", update(ann, 8, `{"owner_id":"00000000-0000-7000-8000-00000000000b"}`, nil), errs.Invalid, "immutable"},
		{"check with old", update(ann, 8, `{"stars":3}`, nil), errs.Invalid, "check"},
		{"delete by rule", remove(ann, 8), errs.Forbidden, ""},
		{"delete hidden", remove(bob, 7), errs.NotFound, ""},
		{"delete", remove(ann, 7), "", ""},
		{"deleted", remove(ann, 7), errs.NotFound, ""},
	} {
		if got := errs.KindOf(tt.err); got != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, tt.err, tt.want)
		} else if tt.code != "" && firstCode(tt.err) != tt.code {
			t.Errorf("%s: fault %q (%v), want %q", tt.name, firstCode(tt.err), tt.err, tt.code)
		}
	}
}

func firstCode(err error) string {
	for err != nil {
		if e, ok := err.(*errs.Error); ok {
			if len(e.Faults) == 0 {
				return ""
			}
			return e.Faults[0].Code
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return ""
		}
		err = u.Unwrap()
	}
	return ""
}

func TestHiddenAndMissingReferencesAnswerAlike(t *testing.T) {
	d := withUsers(t)
	_, hidden := d.create(t, ann, "notes", `{"title":"x","team_id":"blue"}`)
	_, none := d.create(t, ann, "notes", `{"title":"x","team_id":"grey"}`)
	if hidden.Error() != none.Error() {
		t.Errorf("hidden: %v\n  none: %v", hidden, none)
	}
}

func TestListExpands(t *testing.T) {
	d := withUsers(t)
	d.must(t, ann, "notes", `{"title":"a","team_id":"red","stars":3}`)
	d.must(t, bob, "notes", `{"title":"b","stars":5}`)
	d.must(t, ann, "notes", `{"title":"c","team_id":"red"}`)
	body, err := d.List(context.Background(), ann, d.rules.Model.Table("notes"), Query{
		Selection: Selection{Fields: "title,team.name", Expand: "team.notes"}, Sort: "-stars", Limit: 2, Total: true, Filter: "title != arg.t", Args: map[string]string{"t": "z"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Items []map[string]any
		Next  *string
		Total int
	}
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if len(page.Items) != 2 || page.Total != 2 || page.Next != nil || page.Items[0]["title"] != "a" || page.Items[1]["title"] != "c" {
		t.Errorf("%s", body)
	}
	if !strings.HasPrefix(string(body), `{"items":[{"title":"a","team":{"name":"Red","notes":{"items":[{"id":1,"title":"a","owner_id":`) {
		t.Errorf("%s", body)
	}
}

func TestPatchMergesJSON(t *testing.T) {
	d := open(t, `
ashlar: 1
name: merge
tables:
  docs:
    key: int
    fields:
      meta: {type: json, optional: true, schema: {type: object, required: [a], maxProperties: 3}}
    access: {read: true, write: true}
`)
	d.must(t, nobody, "docs", `{"meta":{"a":1,"b":{"c":[2], "d":null}}}`)
	docs := d.rules.Model.Table("docs")
	for _, tt := range []struct{ patch, want string }{
		{`{"meta":{"b":{"e":1.50}}}`, `"meta":{"a":1,"b":{"c":[2],"d":null,"e":1.50}}`},
		{`{"meta":{"a":null}}`, "invalid"},
		{`{"meta":{"x":1,"y":2}}`, "invalid"},
		{`{"meta":[1]}`, "invalid"},
		{`{"meta":null}`, `"meta":null`},
		{`{"meta":{"a":{"x":null,"y":1}}}`, `"meta":{"a":{"y":1}}`},
	} {
		w, err := d.Update(context.Background(), nobody, docs, value.OfInt(1), members(t, tt.patch), nil)
		if err != nil && string(errs.KindOf(err)) != tt.want || err == nil && !strings.Contains(string(w.JSON), tt.want) {
			t.Errorf("patch %s: %s, %v; want %s", tt.patch, w.JSON, err, tt.want)
		}
	}
}

// TestCostlyQueriesLeaveRoom runs queries into the deadline, and reads beside them.
func TestCostlyQueriesLeaveRoom(t *testing.T) {
	d := open(t, `
ashlar: 1
name: costly
tables:
  nodes:
    key: int
    fields:
      parent: {ref: nodes, reverse: children, optional: true}
      n: {type: int}
    access: {read: true, write: true}
`)
	nodes := d.rules.Model.Table("nodes")
	d.must(t, nobody, "nodes", `{"id":1,"n":1}`)
	for i := range 300 {
		d.must(t, nobody, "nodes", `{"n":`+strconv.Itoa(i)+`,"parent_id":1}`)
	}
	list := func(filter string) error {
		_, err := d.List(context.Background(), nobody, nodes, Query{Filter: filter, Limit: 1}, nil)
		return err
	}
	if err := list("n == 5"); err != nil { // proven from here on
		t.Fatal(err)
	}
	costly := make(chan error, 4)
	for i := range cap(costly) {
		go func() {
			costly <- list("parent.children.exists(a, a.parent.children.exists(b, b.n == -" + strconv.Itoa(i+1) + " - a.n * 3))")
		}()
	}
	for range 50 {
		time.Sleep(2 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := d.List(ctx, nobody, nodes, Query{Filter: "n == 5", Limit: 1}, nil)
		cancel()
		if err != nil {
			t.Fatalf("a cheap query beside costly ones: %v", err)
		}
	}
	for range cap(costly) {
		if err := <-costly; errs.KindOf(err) != errs.Malformed || !errors.Is(err, store.ErrStatementTimeout) {
			t.Errorf("a costly query: %v, want malformed", err)
		}
	}
}

func TestPatchOfMaskedJSON(t *testing.T) {
	d := open(t, `
ashlar: 1
name: masked
tables:
  docs:
    key: int
    fields:
      meta: {type: json, optional: true, read: auth.kind == 'user', schema: {type: object, maxProperties: 2}}
    access: {read: true, write: true}
`)
	docs := d.rules.Model.Table("docs")
	for id, stored := range []string{`{"a":1,"b":2}`, `{}`} {
		d.must(t, ann, "docs", `{"id":`+strconv.Itoa(id+1)+`,"meta":`+stored+`}`)
		w, err := d.Update(context.Background(), nobody, docs, value.OfInt(int64(id+1)), members(t, `{"meta":{"c":3}}`), nil)
		if err != nil || !strings.Contains(string(w.JSON), `"meta":null`) {
			t.Errorf("%s: %s, %v", stored, w.JSON, err)
		}
	}
	w, err := d.Update(context.Background(), ann, docs, value.OfInt(1), members(t, `{"meta":{"d":4}}`), nil)
	if err != nil || !strings.Contains(string(w.JSON), `"meta":{"c":3,"d":4}`) {
		t.Errorf("%s, %v", w.JSON, err)
	}
}
