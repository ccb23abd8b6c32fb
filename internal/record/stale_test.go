package record

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const staleModel = `
ashlar: 1
name: stale
tables:
  notes:
    key: int
    cache: {stale: 1s}
    fields: {n: {type: int}, owner: {type: text, default: auth.id}}
    access: {read: true, write: true}
  mixed:
    key: int
    cache: {stale: 1h}
    fields: {n: {type: int}, note: {ref: notes}}
    access: {read: "note.n >= 0", write: true}
  strict:
    key: int
    cache: {stale: 1h}
    fields: {n: {type: int}}
    access: {read: "gates.exists(g, true)", write: true}
  gates:
    key: int
    fields: {strict: {ref: strict, reverse: gates}}
    access: {read: true, write: true}
views:
  sums:
    key: int
    reads: [gates]
    cache: {stale: 1s}
    query: SELECT id, strict_id AS n FROM gates
    fields: {n: {type: int}}
    access: {read: true}
`

// staleNodes are two servers of one database, with a clock of the test.
type staleNodes struct {
	t    *testing.T
	a, b *DB
	now  time.Duration
}

func onStaleNodes(t *testing.T, test func(n *staleNodes)) {
	for _, engine := range []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 2}), modeltest.Postgres(postgres.Config{Readers: 2, Writers: 2})} {
		t.Run(engine.Name, func(t *testing.T) {
			rules := modeltest.Rules(t, staleModel)
			open := engine.Processes(t)
			n := &staleNodes{t: t, now: time.Hour}
			for _, d := range []**DB{&n.a, &n.b} {
				db := open()
				modeltest.Migrate(t, db, rules)
				*d = New(db, rules, Config{Answers: 1 << 20})
				(*d).stale.elapsed = func() time.Duration { return n.now }
			}
			test(n)
		})
	}
}

func (n *staleNodes) list(d *DB, who caller.Caller, table string) string {
	n.t.Helper()
	body, err := d.List(n.t.Context(), who, d.rules.Model.Table(table), Query{Limit: 10, Selection: Selection{Fields: "n"}}, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(body)
}

func (n *staleNodes) update(d *DB, table, body string) {
	n.t.Helper()
	if _, err := d.Update(n.t.Context(), system, d.rules.Model.Table(table), value.OfInt(1), members(n.t, body), nil); err != nil {
		n.t.Fatal(err)
	}
}

// A table with cache.stale may show rows of another server that are older, but never for longer than it says, and never older
// than a write of the same server.
func TestStaleAnswers(t *testing.T) {
	onStaleNodes(t, func(n *staleNodes) {
		must(t, n.a, system, "notes", `{"n":0,"owner":"x"}`)
		want := func(d *DB, n1 string, why string) {
			t.Helper()
			if got := n.list(d, nobody, "notes"); !strings.Contains(got, `"n":`+n1+`}`) {
				t.Errorf("%s: %s, want n = %s", why, got, n1)
			}
		}
		want(n.a, "0", "the first list")
		n.update(n.b, "notes", `{"n":1}`)
		want(n.a, "0", "another server has written, and a second has not passed")
		want(n.b, "1", "on the server that wrote")
		n.now += time.Second
		want(n.a, "0", "a second is not over")
		var r telemetry.Record
		if _, err := n.a.List(telemetry.WithRecord(t.Context(), &r), nobody, n.a.rules.Model.Table("notes"), Query{Limit: 10, Selection: Selection{Fields: "n"}}, nil); err != nil || r.Cache != stale {
			t.Errorf("the record of an answer that may be old says %q, %v", r.Cache, err)
		}
		n.now += time.Nanosecond
		want(n.a, "1", "a second is over")
		n.update(n.b, "notes", `{"n":2}`)
		want(n.a, "1", "the answer may be reused again")
		n.update(n.a, "notes", `{"n":3}`)
		want(n.a, "3", "the server's own write")
	})
}

// An answer may be reused for as long as the strictest of its tables says.
func TestStaleAnswersOfSeveralTables(t *testing.T) {
	onStaleNodes(t, func(n *staleNodes) {
		must(t, n.a, system, "notes", `{"n":0,"owner":"x"}`)
		must(t, n.a, system, "mixed", `{"n":7,"note_id":1}`)
		must(t, n.a, system, "strict", `{"n":7}`)
		must(t, n.a, system, "gates", `{"strict_id":1}`)
		for _, tt := range []struct {
			table string
			after time.Duration
			shown bool
			why   string
		}{
			{"mixed", time.Second, true, "its rule reads notes, for a second"},
			{"mixed", time.Second + 1, false, "a second is over"},
			{"strict", 0, false, "its rule reads a table without cache.stale"},
			{"sums", time.Second, true, "the view speaks for the tables of its query"},
			{"sums", time.Second + 1, false, "a second is over for the view"},
		} {
			n.now += 2 * time.Hour
			if !strings.Contains(n.list(n.a, nobody, tt.table), `{"n":`) {
				t.Fatalf("%s has no row before", tt.table)
			}
			switch tt.table {
			case "mixed":
				n.update(n.b, "notes", `{"n":-1}`)
			default:
				if err := n.b.Delete(t.Context(), system, n.b.rules.Model.Table("gates"), value.OfInt(1), nil); err != nil {
					t.Fatal(err)
				}
			}
			n.now += tt.after
			if shown := strings.Contains(n.list(n.a, nobody, tt.table), `{"n":`); shown != tt.shown {
				t.Errorf("%s %v later, %s: a row is shown = %t, want %t", tt.table, tt.after, tt.why, shown, tt.shown)
			}
			if tt.table == "mixed" {
				n.update(n.b, "notes", `{"n":0}`)
			} else {
				must(t, n.b, system, "gates", `{"id":1,"strict_id":1}`)
			}
		}
	})
}

// An ended session is refused at once, whatever may be reused.
func TestStaleAnswersStandBehindTheGuard(t *testing.T) {
	onGuarded(t, 2, func(t *testing.T, nodes []*guardedNode) {
		for _, n := range nodes {
			kept := New(n.store, n.rules, Config{Guard: sessionGuard, Answers: 1 << 20})
			for _, table := range n.model.Tables {
				kept.stale.byTable[table.Name] = time.Hour
			}
			who := n.signIn(t)
			list := func() ([]byte, error) {
				return kept.List(t.Context(), who, n.model.Table("folders"), Query{Limit: 10}, nil)
			}
			first, err := list()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := list(); err != nil || !bytes.Equal(again, first) {
				t.Errorf("the second list is %s, %v", again, err)
			}
			n.signOut(t, who)
			if body, err := list(); !errors.Is(err, errEnded) {
				t.Errorf("after the end of the session: %s, %v", body, err)
			}
		}
	})
}
