package record

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// onEngines runs a test on the rows of a model in each engine. PostgreSQL runs it a second time without scripts.
func onEngines(t *testing.T, source string, test func(t *testing.T, d *DB)) {
	t.Helper()
	m, faults := schema.ParseSource(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	engines := map[string]func(t *testing.T) (store.DB, error){
		"sqlite": func(t *testing.T) (store.DB, error) {
			return sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		},
	}
	if pgtest.Available() {
		open := func(t *testing.T) (store.DB, error) {
			return postgres.Open(context.Background(), pgtest.URL(t), postgres.Config{Readers: 2, Serializable: true, Logger: slog.New(slog.DiscardHandler)})
		}
		engines["postgresql"] = open
		engines["postgresql without scripts"] = func(t *testing.T) (store.DB, error) {
			db, err := open(t)
			return withoutScripts{db}, err
		}
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			db, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			if _, err := migrate.Apply(context.Background(), db, rules, migrate.Options{}); err != nil {
				t.Fatal(err)
			}
			d := New(db, rules, Config{})
			d.refusals.ignored = true
			test(t, d)
		})
	}
}

// withoutScripts is an engine that runs every write as a function.
type withoutScripts struct{ store.DB }

func (withoutScripts) Dialect() ddl.Dialect { return ddl.Postgres }

// write is one write of a test.
type write struct {
	who  caller.Caller
	op   Op
	path string // table, or table/id
	body string
	want string // the start of said, or "ok"
}

func (w write) String() string { return fmt.Sprintf("%v %d %s %s", w.who, w.op, w.path, w.body) }

// writes does writes one after the other.
func (d *DB) writes(t *testing.T, writes []write) {
	t.Helper()
	for _, w := range writes {
		if got := d.do(t, w); w.want == "ok" && strings.HasPrefix(got, "{") || w.want != "ok" && strings.HasPrefix(got, w.want) {
			continue
		} else if w.want != "" {
			t.Errorf("%v\n got %s\nwant %s", w, got, w.want)
		}
	}
}

// do does a write and returns what its caller is told.
func (d *DB) do(t *testing.T, w write) string {
	t.Helper()
	name, key, _ := strings.Cut(w.path, "/")
	table := d.rules.Model.Table(name)
	var written Written
	var err error
	if w.op == Create {
		written, err = d.create(t, w.who, name, w.body)
	} else {
		id, ok := value.ParseID(table, key)
		if !ok {
			t.Fatalf("%s is no id", key)
		}
		if w.op == Update {
			written, err = d.Update(context.Background(), w.who, table, id, members(t, w.body), nil)
		} else {
			err = d.Delete(context.Background(), w.who, table, id, nil)
		}
	}
	if errs.KindOf(err) == errs.Internal {
		t.Fatalf("%v: %v", w, err)
	}
	if err == nil && written.JSON == nil {
		return "{}"
	}
	return said(written.JSON, err)
}

const tenants = `
ashlar: 1
name: tenants
tables:
  orgs:
    key: int
    fields: {name: {type: text, max: 80}}
    access: {read: true}
  members:
    key: int
    fields:
      org:  {ref: orgs, reverse: members, on_delete: cascade}
      user: {type: text, max: 80}
      role: {type: enum, values: [admin, member], default: member}
    unique: [[org, user]]
    access:
      read: true
      write: org.members.exists(m, m.user == auth.id && m.role == 'admin')
`

// Nobody makes himself a member by the row that says so.
func TestWrittenRowIsNoEvidence(t *testing.T) {
	a, _ := ann.ID()
	b, _ := bob.ID()
	e, _ := editor.ID()
	onEngines(t, tenants, func(t *testing.T, d *DB) {
		d.writes(t, []write{
			{system, Create, "orgs", `{"id":1,"name":"one"}`, "ok"},
			{system, Create, "orgs", `{"id":2,"name":"two"}`, "ok"},
			{system, Create, "members", `{"id":1,"org_id":1,"user":"` + a + `","role":"admin"}`, "ok"},
			{system, Create, "members", `{"id":2,"org_id":2,"user":"` + b + `","role":"admin"}`, "ok"},
			{editor, Create, "members", `{"org_id":1,"user":"` + e + `","role":"admin"}`, "forbidden"},
			{editor, Create, "members", `{"id":9,"org_id":1,"user":"` + e + `","role":"admin"}`, "forbidden"},
			{editor, Create, "members", `{"id":1,"org_id":1,"user":"` + e + `","role":"admin"}`, "forbidden"},
			{bob, Update, "members/2", `{"org_id":1}`, "forbidden"},
			{bob, Update, "members/2", `{"role":"member"}`, "forbidden"},
			{bob, Delete, "members/2", "", "forbidden"},
			{editor, Delete, "members/1", "", "forbidden"},
			{ann, Create, "members", `{"id":3,"org_id":1,"user":"` + b + `","role":"admin"}`, "ok"},
			{ann, Create, "members", `{"org_id":9,"user":"x"}`, "forbidden"},
			{bob, Update, "members/2", `{"org_id":1}`, "forbidden"}, // out of org 2 there is nobody else to let him
			{ann, Create, "members", `{"org_id":1,"user":"` + b + `"}`, "conflict"},
			{ann, Update, "members/3", `{"role":"member"}`, "ok"},
			{ann, Update, "members/3", `{"org_id":2}`, "forbidden"},
			{ann, Update, "members/3", `{"org_id":9}`, "forbidden"},
			{bob, Update, "members/1", `{"role":"member"}`, "forbidden"},
			{ann, Delete, "members/3", "", "ok"},
		})
	})
}
