package sqlgen

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenModel = `
ashlar: 1
name: golden
roles: [editor]
tables:
  teams:
    fields:
      name: {type: text, max: 80, unique: true}
      lead: {ref: users, optional: true}
    access: {read: "members.exists(m, m.user_id == auth.id)", write: "'editor' in auth.roles"}
  members:
    fields:
      team: {ref: teams, reverse: members}
      user: {ref: users}
      role: {type: enum, values: [owner, guest]}
    access:
      read: true
      write: team.members.exists(m, m.user_id == auth.id && m.role == 'owner')
  posts:
    key: int
    fields:
      title:  {type: text, max: 100}
      price:  {type: decimal, precision: 12, scale: 2, optional: true}
      stars:  {type: int, optional: true, read: owner_id == auth.id}
      owner:  {ref: users, read: shared || 'editor' in auth.roles}
      team:   {ref: teams, reverse: posts, optional: true}
      shared: {type: bool, default: false}
    checks:
      - {expr: old == null || price == null || price >= old.price, message: prices rise}
    access:
      read: shared || owner_id == auth.id
      create: owner_id == auth.id
      update: {from: owner_id == auth.id, to: owner_id == old.owner_id}
views:
  owners:
    key: text
    reads: [posts, members]
    query: "SELECT 'x' AS id, owner_id, 1 AS n, NULL AS price FROM posts, members -- ("
    fields:
      owner: {ref: users, reverse: owned}
      n:     {type: int, read: owner_id == auth.id}
      price: {type: decimal, precision: 12, scale: 2, optional: true}
    access: {read: owner_id == auth.id || 'editor' in auth.roles}
`

// TestGolden holds the text of statements, so that a change of it is seen. Run with -update to accept one.
func TestGolden(t *testing.T) {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(goldenModel)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, d := range []struct {
		dialect Dialect
		file    string
	}{{SQLite, "testdata/statements.sql"}, {Postgres, "testdata/statements_postgresql.sql"}} {
		compareGolden(t, m, rules, d.dialect, d.file)
	}
}

func compareGolden(t *testing.T, m *model.Model, rules *rule.Rules, dialect Dialect, file string) {
	t.Helper()
	var out bytes.Buffer
	for _, who := range []struct {
		name string
		caller.Caller
	}{
		{"anonymous", caller.Caller{}},
		{"user", caller.User(caller.Identity{ID: "u"})},
		{"editor", caller.User(caller.Identity{ID: "u", Roles: []string{"editor"}})},
		{"system", caller.System("golden")},
	} {
		g := golden{dialect: dialect, rules: rules, who: who.Caller, out: &out}
		fmt.Fprintf(&out, "==== %s\n", who.name)
		g.write(t, m)
	}
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, out.Bytes()) {
		t.Errorf("the statements differ from %s: see what -update changes", file)
	}
}

type golden struct {
	dialect Dialect
	rules   *rule.Rules
	who     caller.Caller
	out     *bytes.Buffer
}

func (g golden) generator(slots *rule.Slots) *Generator {
	n := len(g.rules.Slots.List)
	env := &rule.Env{Caller: g.who, Args: map[string]value.Value{}}
	states, values := make([]rule.State, n+8), make([]value.Value, n+8)
	g.rules.Slots.Bind(env, states, values)
	if slots != nil {
		for _, s := range slots.List {
			states[s.Index] = rule.IsValue
		}
	}
	return &Generator{Dialect: g.dialect, Rules: g.rules, Folder: rule.Folder{States: states}, System: g.who.IsSystem()}
}

func (g golden) show(t *testing.T, name string, s *Statement, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	fmt.Fprintf(g.out, "-- %s\n%s\n", name, s.SQL)
}

func (g golden) write(t *testing.T, m *model.Model) {
	t.Helper()
	posts, teams := m.Table("posts"), m.Table("teams")
	s, err := g.generator(nil).Get(posts, posts.Fields)
	g.show(t, "get", s, err)
	s, err = g.generator(nil).Readable(teams)
	g.show(t, "readable", s, err)
	node, _, problems := g.rules.Filter(posts, "title == arg.t && price < 1.005 && team.name.startsWith('a') && stars != 3")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	slots := rule.Slots{Base: len(g.rules.Slots.List)}
	filter := slots.Extract(node)
	sort := []Key{{posts.Field("price"), true}, {posts.ID(), true}}
	for i, r := range Ranges(sort, []bool{true, false}, []bool{false, false}) {
		s, err = g.generator(&slots).List(List{Table: posts, Fields: posts.Fields[:2], Filter: filter, Sort: sort, Range: r})
		g.show(t, fmt.Sprintf("list, range %d", i), s, err)
	}
	s, err = g.generator(&slots).Count(posts, filter, AsPlanned)
	g.show(t, "count", s, err)
	s, err = g.generator(nil).ByKeys(teams, teams.Fields[:2])
	g.show(t, "to-one", s, err)
	s, err = g.generator(nil).Children(teams.Relation("posts"), posts.Fields[:2])
	g.show(t, "to-many", s, err)
	owners := m.Table("owners")
	s, err = g.generator(nil).Get(owners, owners.Fields)
	g.show(t, "get of a view", s, err)
	s, err = g.generator(nil).List(List{Table: owners, Fields: owners.Fields[:2], Sort: []Key{{owners.ID(), false}}, Range: Range{Bound: TupleAfter}})
	g.show(t, "list of a view", s, err)
	if diff := cmp.Diff([]string{"posts", "members"}, s.Tables); diff != "" {
		t.Errorf("tables that a view reads (-want +got):\n%s", diff)
	}
	s, err = g.generator(nil).Children(m.Table("users").Relation("owned"), owners.Fields[:3])
	g.show(t, "to-many of a view", s, err)
	own := g.rules.Table(posts)
	s, err = g.generator(nil).OldRow(posts, []rule.Node{own.UpdateFrom}, []rule.Node{g.rules.Field(posts.Field("stars")).Read}, true)
	g.show(t, "before an update", s, err)
	s, err = g.generator(nil).Insert(After{Table: posts, Rules: []rule.Node{own.Create}, Fields: posts.Fields[:2], Created: true})
	g.show(t, "insert", s, err)
	s, err = g.generator(nil).InsertKnown(After{Table: posts, Rules: []rule.Node{own.Create}, Fields: posts.Fields[:2], Created: true})
	g.show(t, "insert of a row that is known", s, err)
	to := After{Table: posts, Rules: []rule.Node{own.UpdateTo}, Fields: posts.Fields[:4]}
	s, err = g.generator(nil).Update(to, nil, posts.Fields[1:3])
	g.show(t, "update", s, err)
	s, err = g.generator(nil).LockRevision(posts)
	g.show(t, "the revision before a change", s, err)
	s, err = g.generator(nil).Change(to, []rule.Node{own.UpdateFrom}, posts.Fields[1:3])
	g.show(t, "change", s, err)
	to.Checks = []rule.Node{own.Checks[0].Cond}
	if s, err = g.generator(nil).Change(to, nil, posts.Fields[1:3]); err != nil || s.SQL != "" {
		t.Errorf("a change that a check compares with what was is one statement: %s (%v)", s.SQL, err)
	}
	if s, err = g.generator(nil).Change(After{Table: teams}, nil, teams.Fields[1:2]); err != nil || (s.SQL != "" && !g.who.IsSystem()) {
		t.Errorf("a change whose answer looks at other rows is one statement: %s (%v)", s.SQL, err)
	}
	s, err = g.generator(nil).DeleteAllowed(posts, []rule.Node{own.UpdateFrom})
	g.show(t, "delete", s, err)
	to.Old = true
	s, err = g.generator(nil).Candidate(to)
	g.show(t, "a row that is not stored", s, err)
	members := m.Table("members")
	owner := []rule.Node{g.rules.Table(members).UpdateTo}
	s, err = g.generator(nil).Insert(After{Table: members, Rules: owner, Fields: members.Fields[:2], Created: true})
	g.show(t, "insert whose rule looks at other rows", s, err)
	s, err = g.generator(nil).InsertKnown(After{Table: members, Rules: owner, Fields: members.Fields[:2], Created: true})
	g.show(t, "insert of a known row whose rule looks at other rows", s, err)
	for _, f := range []int{1, 3} {
		s, err = g.generator(nil).Change(After{Table: members, Rules: owner, Fields: members.Fields[:2]}, owner, members.Fields[f:f+1])
		g.show(t, "change of "+members.Fields[f].Name+" whose rule looks at other rows", s, err)
	}
	s, err = g.generator(nil).After(After{Table: posts, Rules: []rule.Node{own.UpdateTo}, Checks: []rule.Node{own.Checks[0].Cond}, Fields: posts.Fields[:2], Old: true})
	g.show(t, "after an update", s, err)
	if g.who.IsSystem() { // who asks makes no difference
		s, err = g.generator(nil).FreeID(posts)
		g.show(t, "a free id", s, err)
		g.writeReach(t)
	}
}

const reachModel = `
ashlar: 1
name: reach
tables:
  nodes:
    key: int
    fields:
      up:    {ref: nodes, optional: true, reverse: below, on_delete: cascade}
      keeps: {ref: nodes, optional: true, reverse: kept}
    access: {read: true}
  leaves:
    fields:
      node:  {ref: nodes, reverse: leaves, on_delete: cascade}
    access: {read: true}
  marks:
    key: text
    fields:
      leaf:  {ref: leaves, optional: true, reverse: marks, on_delete: clear}
    access: {read: true}
`

// writeReach shows what a deletion asks and does that reaches many rows.
func (g golden) writeReach(t *testing.T) {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(reachModel)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r := ReachOf(m.Tables, m.Table("nodes"))
	s, err := g.generator(nil).CountReach(r, 100)
	g.show(t, "what a deletion reaches, counted", s, err)
	s, err = g.generator(nil).CheckReach(r)
	g.show(t, "a look at what a deletion reaches", s, err)
	if g.dialect.StoresUUID() { // PostgreSQL follows references as far as they lead
		return
	}
	all, err := g.generator(nil).Sweep(r)
	g.show(t, "a sweep collects", all.Collect, err)
	g.show(t, "a sweep asks what is in the way", all.Blocked, nil)
	for _, s := range all.Remove {
		g.show(t, "a sweep removes", s, nil)
	}
}
