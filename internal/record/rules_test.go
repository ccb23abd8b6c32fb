package record

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// write is one write of a test.
type write struct {
	who  caller.Caller
	op   Op
	path string // table, or table/id
	body string
	want string // the start of said, or "ok"
}

func (w write) String() string { return fmt.Sprintf("%v %d %s %s", w.who, w.op, w.path, w.body) }

// runWrites runs writes one after the other.
func runWrites(t *testing.T, db *DB, writes []write) {
	t.Helper()
	for _, one := range writes {
		got, want := runWrite(t, db, one), one.want
		if want == "ok" {
			want = "{"
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%v\n got %s\nwant %s", one, got, one.want)
		}
	}
}

// runWrite runs a write and returns its answer.
func runWrite(t *testing.T, db *DB, one write) string {
	t.Helper()
	written, err := attempt(t, db, one, nil)
	if errs.KindOf(err) == errs.Internal {
		t.Fatalf("%v: %v", one, err)
	}
	if err == nil && written.JSON == nil {
		return "{}"
	}
	return said(written.JSON, err)
}

// attempt runs a write, which may be refused.
func attempt(t *testing.T, db *DB, one write, match Match) (written Row, err error) {
	t.Helper()
	name, key, _ := strings.Cut(one.path, "/")
	if one.op == Create {
		return create(t, db, one.who, name, one.body)
	}
	table := db.rules.Model.Table(name)
	id, ok := value.ParseID(table, key)
	if !ok {
		t.Fatalf("%s is no id", key)
	}
	if one.op == Update {
		return db.Update(context.Background(), one.who, table, id, members(t, one.body), match)
	}
	return Row{}, db.Delete(context.Background(), one.who, table, id, match)
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

// A caller cannot become a member by creating the row of its membership.
func TestWrittenRowIsNoEvidence(t *testing.T) {
	a, _ := ann.ID()
	b, _ := bob.ID()
	e, _ := editor.ID()
	onEngines(t, tenants, func(t *testing.T, db *DB) {
		runWrites(t, db, []write{
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

// nodes is a model whose rule of writes is still missing.
const nodes = `
ashlar: 1
name: nodes
tables:
  trees:
    key: int
    fields: {top: {ref: nodes, optional: true, on_delete: clear}}
    access: {read: true}
  nodes:
    key: int
    fields:
      tree:   {ref: trees, reverse: nodes}
      parent: {ref: nodes, reverse: children, optional: true}
      open:   {type: bool, default: true}
      n:      {type: int, default: 0}
    access: {read: true, write: "%s"}
`

// An access rule does not find the new row by a path from the row to itself: by a reference, a list, old or nested macros.
// A check does.
func TestRelationsOfARuleLeaveOutTheWrittenRow(t *testing.T) {
	for rule, want := range map[string][3]string{ // create, update and delete of a node that is its own parent
		"parent.children.exists(c, c.open)":                              {"forbidden", "forbidden", "forbidden"},
		"parent.open":                                                    {"forbidden", "forbidden", "forbidden"},
		"parent == null":                                                 {"ok", "ok", "ok"},
		"parent_id == id && open":                                        {"ok", "ok", "ok"},
		"size(children) == 0":                                            {"ok", "ok", "ok"},
		"children.all(c, false)":                                         {"ok", "ok", "ok"},
		"tree.nodes.exists(n, n.open)":                                   {"forbidden", "forbidden", "forbidden"},
		"tree.nodes.exists_one(n, true)":                                 {"ok", "ok", "ok"},
		"tree.nodes.exists(n, n.tree.nodes.exists(m, m.open))":           {"forbidden", "forbidden", "forbidden"},
		"tree.nodes.exists(n, !n.open && n.tree.top.open)":               {"forbidden", "forbidden", "forbidden"},
		"tree.nodes.exists(n, n.tree.nodes.exists_one(m, m.id == n.id))": {"ok", "ok", "ok"},
		"tree.top == null":                                               {"ok", "ok", "ok"},
		"tree.top_id == id":                                              {"forbidden", "ok", "ok"},
	} {
		t.Run(rule, func(t *testing.T) {
			onEngines(t, fmt.Sprintf(nodes, rule), func(t *testing.T, db *DB) {
				runWrites(t, db, []write{
					{system, Create, "trees", `{"id":1}`, "ok"},
					{system, Create, "nodes", `{"id":1,"tree_id":1,"open":false}`, "ok"},
					{ann, Create, "nodes", `{"id":2,"parent_id":2,"tree_id":1}`, want[0]},
				})
				runWrite(t, db, write{who: system, op: Create, path: "nodes", body: `{"id":2,"parent_id":2,"tree_id":1}`})
				runWrites(t, db, []write{
					{system, Update, "trees/1", `{"top_id":2}`, "ok"},
					{ann, Update, "nodes/2", `{"n":1}`, want[1]},
					{ann, Update, "nodes/2", `{"tree_id":1}`, want[1]},
					{ann, Delete, "nodes/2", "", want[2]},
				})
			})
		})
	}
}

// A table may have a name that statements use as an alias.
func TestTableIsCalledLikeAnAlias(t *testing.T) {
	onEngines(t, `
ashlar: 1
name: aliases
tables:
  t0:
    key: int
    fields: {n: {type: int}}
    access: {read: true}
  t1:
    key: int
    fields:
      t2: {ref: t0, reverse: t1}
      n:  {type: int}
    access:
      read: true
      create: t2.n == n
      update: t2.t1.exists(t3, t3.n == n && t3.t2.n == t2.n)
`, func(t *testing.T, db *DB) {
		runWrites(t, db, []write{
			{system, Create, "t0", `{"id":1,"n":1}`, "ok"},
			{ann, Create, "t1", `{"id":1,"t2_id":1,"n":2}`, "forbidden"},
			{ann, Create, "t1", `{"id":1,"t2_id":1,"n":1}`, "ok"},
			{ann, Update, "t1/1", `{"n":1}`, "forbidden"},
			{ann, Create, "t1", `{"id":2,"t2_id":1,"n":1}`, "ok"},
			{ann, Update, "t1/1", `{"n":1}`, "ok"},
			{ann, Update, "t1/1", `{"n":2}`, "forbidden"},
			{system, Update, "t1/1", `{"n":2}`, "ok"},
			{ann, Update, "t1/1", `{"n":1}`, "forbidden"},
		})
	})
}

const moves = `
ashlar: 1
name: moves
tables:
  boxes:
    key: int
    fields: {open: {type: bool}}
    access: {read: true}
  things:
    key: int
    fields:
      box: {ref: boxes, reverse: things}
      n:   {type: int, default: 0}
      own: {type: int, default: 0, write: "box.things.exists(t, t.own > 0)"}
    checks: [{expr: size(box.things) <= 2, message: the box is full}]
    access:
      read: true
      create: box.open
      update: {from: true, to: "old.box.open && box.open && n >= old.n && (n == old.n || old.box.things.exists(t, true))"}
`

// The rule to of an update sees the other rows before the write, and both versions of its own row.
func TestUpdateRuleWithOld(t *testing.T) {
	onEngines(t, moves, func(t *testing.T, db *DB) {
		runWrites(t, db, []write{
			{system, Create, "boxes", `{"id":1,"open":true}`, "ok"},
			{system, Create, "boxes", `{"id":2,"open":true}`, "ok"},
			{system, Create, "boxes", `{"id":3,"open":false}`, "ok"},
			{ann, Create, "things", `{"id":1,"box_id":1}`, "ok"},
			{ann, Create, "things", `{"id":9,"box_id":3}`, "forbidden"},
			{ann, Update, "things/1", `{"n":1}`, "forbidden"}, // it is alone in its box
			{ann, Update, "things/1", `{"box_id":3}`, "forbidden"},
			{ann, Update, "things/1", `{"box_id":2}`, "ok"},
			{ann, Update, "things/1", `{"box_id":1}`, "ok"},
			{ann, Create, "things", `{"id":2,"box_id":1}`, "ok"},
			{ann, Update, "things/1", `{"n":2}`, "ok"},
			{ann, Update, "things/1", `{"n":1}`, "forbidden"},
			{ann, Create, "things", `{"id":3,"box_id":1}`, "invalid"},
			{ann, Create, "things", `{"id":3,"box_id":2}`, "ok"},
			{ann, Update, "things/3", `{"box_id":1}`, "invalid"},
			{system, Update, "things/1", `{"box_id":3}`, "ok"},
			{ann, Update, "things/1", `{"n":3}`, "forbidden"},
			{ann, Update, "things/1", `{"box_id":1}`, "forbidden"},
			{ann, Update, "things/2", `{"own":1}`, "forbidden the access rules do not allow this [{/own write"},
			{ann, Create, "things", `{"box_id":2,"own":1}`, "forbidden the access rules do not allow this [{/own write"},
			{system, Update, "things/3", `{"own":1}`, "ok"},
			{ann, Create, "things", `{"id":4,"box_id":2,"own":1}`, "ok"},
			{ann, Update, "things/4", `{"own":2,"n":1}`, "ok"},
		})
	})
}

const transfers = `
ashlar: 1
name: transfers
tables:
  accounts:
    key: int
    fields:
      currency: {type: enum, values: [EUR, USD]}
      owner:    {type: text, max: 80}
    access: {read: READ}
  transfers:
    key: int
    fields:
      source: {ref: accounts, reverse: outgoing}
      target: {ref: accounts, reverse: incoming}
      amount: {type: int}
    checks:
      - {expr: source.currency == target.currency, message: the same currency}
      - {expr: "source.outgoing.all(o, o.target.currency == source.currency)", message: all in one currency}
      - {expr: amount > 0, message: more than nothing}
      - {expr: source_id != target_id, message: two accounts}
    access: {read: true, create: true, update: true}
`

// A reference to a missing row is reported as such, not as a failed check. A reference to a hidden row has the same
// answer.
func TestReferenceThatLeadsNowhereIsTold(t *testing.T) {
	const nowhere = "conflict a referenced row does not exist [{/target_id reference there is no such row in accounts}]"
	for _, read := range []string{"true", "owner == auth.id"} {
		onEngines(t, strings.Replace(transfers, "READ", read, 1), func(t *testing.T, db *DB) {
			a, _ := ann.ID()
			runWrites(t, db, []write{
				{system, Create, "accounts", `{"id":1,"currency":"EUR","owner":"` + a + `"}`, "ok"},
				{system, Create, "accounts", `{"id":2,"currency":"EUR","owner":"` + a + `"}`, "ok"},
				{system, Create, "accounts", `{"id":3,"currency":"USD","owner":"bob"}`, "ok"},
				{ann, Create, "transfers", `{"id":1,"source_id":1,"target_id":2,"amount":1}`, "ok"},
			})
			missing := []string{"999"}
			if read != "true" {
				missing = append(missing, "3")
			}
			for _, id := range missing {
				runWrites(t, db, []write{
					{ann, Create, "transfers", `{"id":2,"source_id":1,"target_id":` + id + `,"amount":1}`, nowhere},
					{ann, Create, "transfers", `{"source_id":1,"target_id":` + id + `,"amount":1}`, nowhere},
					{ann, Update, "transfers/1", `{"target_id":` + id + `}`, nowhere},
					{ann, Create, "transfers", `{"source_id":1,"target_id":` + id + `,"amount":0}`, "invalid the row does not pass 1 check [{ check more than nothing}]"},
					{ann, Update, "transfers/1", `{"target_id":` + id + `,"amount":0}`, "invalid the row does not pass 1 check [{ check more than nothing}]"},
					{ann, Create, "transfers", `{"source_id":` + id + `,"target_id":` + id + `,"amount":1}`, "invalid the row does not pass 1 check [{ check two accounts}]"},
				})
			}
			if read == "true" {
				runWrites(t, db, []write{{ann, Create, "transfers", `{"source_id":1,"target_id":3,"amount":1}`, "invalid the row does not pass 2 checks"}})
			}
		})
	}
}
