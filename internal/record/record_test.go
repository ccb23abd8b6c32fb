package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// open returns the rows of a model on a database of its own.
func open(t testing.TB, source string) *DB {
	t.Helper()
	return openWith(t, source, sqlite.Config{Readers: 4, ReadTimeout: 300 * time.Millisecond}, Config{})
}

func openWith(t testing.TB, source string, engine sqlite.Config, cfg Config) *DB {
	t.Helper()
	db, rules := modeltest.SQLite(engine).Open(t, source)
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

func create(t testing.TB, db *DB, who caller.Caller, table, body string) (Row, error) {
	t.Helper()
	return db.Create(context.Background(), who, db.rules.Model.Table(table), members(t, body))
}

func must(t testing.TB, db *DB, who caller.Caller, table, body string) Row {
	t.Helper()
	w, err := create(t, db, who, table, body)
	if err != nil {
		t.Fatalf("create %s %s: %v", table, body, err)
	}
	return w
}

func withUsers(t testing.TB) *DB {
	db := open(t, notes)
	for _, who := range []caller.Caller{ann, bob, editor} {
		id, _ := who.ID()
		must(t, db, system, "users", `{"id":"`+id+`"}`)
	}
	must(t, db, editor, "teams", `{"id":"red","name":"Red","open":true}`)
	must(t, db, editor, "teams", `{"id":"blue","name":"Blue"}`)
	return db
}

func TestCreateAnswersWithTheRow(t *testing.T) {
	db := withUsers(t)
	w := must(t, db, ann, "notes", `{"title":"a \"b\"","team_id":"red","secret_note":"x"}`)
	want := `{"id":1,"title":"a \"b\"","owner_id":"00000000-0000-7000-8000-00000000000a","team_id":"red","stars":null,"secret_note":"x","created_at":"2026-11-23T12:00:06.000000Z","updated_at":"2026-11-23T12:00:06.000000Z"}`
	if string(w.JSON) != want || w.ID.Int != 1 || w.Revision == 0 {
		t.Errorf("got %s %+v\nwant %s", w.JSON, w, want)
	}
	row, err := db.Get(context.Background(), bob, db.rules.Model.Table("notes"), w.ID, Selection{}, nil)
	if err != nil || !strings.Contains(string(row.JSON), `"secret_note":null`) || row.Revision != w.Revision {
		t.Errorf("bob sees %s, %v", row.JSON, err)
	}
}

func TestRefusals(t *testing.T) {
	db := withUsers(t)
	must(t, db, ann, "notes", `{"id":7,"title":"n","stars":5}`)
	must(t, db, ann, "notes", `{"id":8,"title":"n","stars":4}`)
	isStale := func(int64) bool { return false }
	for _, tt := range []struct {
		name  string
		who   caller.Caller
		op    Op
		id    int64
		body  string
		match Match
		want  errs.Kind
		code  string // of the first fault
	}{
		{"anonymous cannot create", nobody, Create, 0, `{"title":"x"}`, nil, errs.Unauthenticated, ""},
		{"another's note", ann, Create, 0, `{"title":"x","owner_id":"00000000-0000-7000-8000-00000000000b"}`, nil, errs.Forbidden, ""},
		{"missing title", ann, Create, 0, `{}`, nil, errs.Invalid, "required"},
		{"unknown member", ann, Create, 0, `{"title":"x","nope":1}`, nil, errs.Invalid, "unknown"},
		{"out of range", ann, Create, 0, `{"title":"x","stars":6}`, nil, errs.Invalid, "max"},
		{"taken id", ann, Create, 0, `{"id":7,"title":"x"}`, nil, errs.Conflict, "unique"},
		{"hidden team", ann, Create, 0, `{"title":"x","team_id":"blue"}`, nil, errs.Conflict, "reference"},
		{"no team", ann, Create, 0, `{"title":"x","team_id":"grey"}`, nil, errs.Conflict, "reference"},
		{"another's note and a taken id", ann, Create, 0, `{"id":7,"title":"x","owner_id":"00000000-0000-7000-8000-00000000000b"}`, nil, errs.Forbidden, ""},
		{"hidden row", bob, Update, 7, `{"title":"x"}`, nil, errs.NotFound, ""},
		{"no row", bob, Update, 99, `{"title":"x"}`, nil, errs.NotFound, ""},
		{"visible row of another", bob, Update, 8, `{"title":"x"}`, nil, errs.Forbidden, ""},
		{"stale goes before forbidden", bob, Update, 8, `{"title":"x"}`, isStale, errs.Stale, ""},
		{"immutable", ann, Update, 8, `{"owner_id":"00000000-0000-7000-8000-00000000000b"}`, nil, errs.Invalid, "immutable"},
		{"check with old", ann, Update, 8, `{"stars":3}`, nil, errs.Invalid, "check"},
		{"delete by rule", ann, Delete, 8, "", nil, errs.Forbidden, ""},
		{"delete hidden", bob, Delete, 7, "", nil, errs.NotFound, ""},
		{"delete no row", ann, Delete, 99, "", nil, errs.NotFound, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := attempt(t, db, write{who: tt.who, op: tt.op, path: fmt.Sprintf("notes/%d", tt.id), body: tt.body}, tt.match)
			if got := errs.KindOf(err); got != tt.want || firstCode(err) != tt.code {
				t.Errorf("%v with fault %q, want %s with %q", err, firstCode(err), tt.want, tt.code)
			}
		})
	}
}

func TestDeletedRowIsGone(t *testing.T) {
	db := withUsers(t)
	must(t, db, ann, "notes", `{"id":7,"title":"n","stars":5}`)
	notes, id := db.rules.Model.Table("notes"), value.OfInt(7)
	if err := db.Delete(context.Background(), ann, notes, id, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Delete(context.Background(), ann, notes, id, nil); errs.KindOf(err) != errs.NotFound {
		t.Errorf("another Delete = %v, want not found", err)
	}
	if row, err := db.Get(context.Background(), ann, notes, id, Selection{}, nil); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Get = %s, %v, want not found", row.JSON, err)
	}
}

// firstCode returns the code of the first fault of an error, or "".
func firstCode(err error) string {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok || len(e.Faults) == 0 {
		return ""
	}
	return e.Faults[0].Code
}

func TestHiddenAndMissingReferencesAnswerAlike(t *testing.T) {
	db := withUsers(t)
	_, hidden := create(t, db, ann, "notes", `{"title":"x","team_id":"blue"}`)
	_, none := create(t, db, ann, "notes", `{"title":"x","team_id":"grey"}`)
	if hidden.Error() != none.Error() {
		t.Errorf("hidden: %v\n  none: %v", hidden, none)
	}
}

func TestListExpands(t *testing.T) {
	db := withUsers(t)
	must(t, db, ann, "notes", `{"title":"a","team_id":"red","stars":3}`)
	must(t, db, bob, "notes", `{"title":"b","stars":5}`)
	must(t, db, ann, "notes", `{"title":"c","team_id":"red"}`)
	body, err := db.List(context.Background(), ann, db.rules.Model.Table("notes"), Query{
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
	db := open(t, `
ashlar: 1
name: merge
tables:
  docs:
    key: int
    fields:
      meta: {type: json, optional: true, schema: {type: object, required: [a], maxProperties: 3}}
    access: {read: true, write: true}
`)
	must(t, db, nobody, "docs", `{"meta":{"a":1,"b":{"c":[2], "d":null}}}`)
	docs := db.rules.Model.Table("docs")
	for _, tt := range []struct{ patch, want string }{
		{`{"meta":{"b":{"e":1.50}}}`, `"meta":{"a":1,"b":{"c":[2],"d":null,"e":1.50}}`},
		{`{"meta":{"a":null}}`, "invalid"},
		{`{"meta":{"x":1,"y":2}}`, "invalid"},
		{`{"meta":[1]}`, "invalid"},
		{`{"meta":null}`, `"meta":null`},
		{`{"meta":{"a":{"x":null,"y":1}}}`, `"meta":{"a":{"y":1}}`},
	} {
		w, err := db.Update(context.Background(), nobody, docs, value.OfInt(1), members(t, tt.patch), nil)
		got := string(w.JSON)
		if err != nil {
			got = string(errs.KindOf(err))
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("patch %s: %s, %v; want %s", tt.patch, w.JSON, err, tt.want)
		}
	}
}

// TestCostlyQueriesLeaveRoom runs queries into the deadline, and reads beside them.
func TestCostlyQueriesLeaveRoom(t *testing.T) {
	db := open(t, `
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
	nodes := db.rules.Model.Table("nodes")
	must(t, db, nobody, "nodes", `{"id":1,"n":1}`)
	for i := range 300 {
		must(t, db, nobody, "nodes", `{"n":`+strconv.Itoa(i)+`,"parent_id":1}`)
	}
	list := func(filter string) error {
		_, err := db.List(context.Background(), nobody, nodes, Query{Filter: filter, Limit: 1}, nil)
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
		_, err := db.List(ctx, nobody, nodes, Query{Filter: "n == 5", Limit: 1}, nil)
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
	db := open(t, `
ashlar: 1
name: masked
tables:
  docs:
    key: int
    fields:
      meta: {type: json, optional: true, read: auth.kind == 'user', schema: {type: object, maxProperties: 2}}
    access: {read: true, write: true}
`)
	docs := db.rules.Model.Table("docs")
	for id, stored := range []string{`{"a":1,"b":2}`, `{}`} {
		must(t, db, ann, "docs", `{"id":`+strconv.Itoa(id+1)+`,"meta":`+stored+`}`)
		w, err := db.Update(context.Background(), nobody, docs, value.OfInt(int64(id+1)), members(t, `{"meta":{"c":3}}`), nil)
		if err != nil || !strings.Contains(string(w.JSON), `"meta":null`) {
			t.Errorf("%s: %s, %v", stored, w.JSON, err)
		}
	}
	w, err := db.Update(context.Background(), ann, docs, value.OfInt(1), members(t, `{"meta":{"d":4}}`), nil)
	if err != nil || !strings.Contains(string(w.JSON), `"meta":{"c":3,"d":4}`) {
		t.Errorf("%s, %v", w.JSON, err)
	}
}
