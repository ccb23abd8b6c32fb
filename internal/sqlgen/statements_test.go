package sqlgen_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestRandomStatements writes statements of every kind for random models and conditions. Each statement must name every value
// that it binds, and the engine must be able to plan it. PostgreSQL refuses a parameter that has no place in the statement or
// no type.
func TestRandomStatements(t *testing.T) {
	random := effort.Seeds(t)
	for _, tt := range []struct {
		modeltest.Engine
		models int
	}{
		{modeltest.SQLite(sqlite.Config{Readers: 2}), effort.Cases(24, 400)},
		{modeltest.Postgres(postgres.Config{Readers: 2, Writers: 1}), effort.Cases(4, 200)},
	} {
		t.Run(tt.Name, func(t *testing.T) {
			planned := 0
			for i := range tt.models {
				s := &statements{Data: oracle.NewWithWrites(t, random(i)).Fill(0), t: t, db: tt.Empty(t)}
				if err := s.Store(t.Context(), s.db); err != nil {
					t.Fatalf("%v\n%s", err, s.Source)
				}
				for _, s.table = range s.Model.Tables[1:] { // the first is users
					for range 3 {
						s.system = s.IntN(10) == 0
						s.reads()
						s.lists()
						s.creates()
						s.updates()
						s.deletions()
						s.starts()
					}
				}
				planned += s.planned
				_ = s.db.Close()
			}
			t.Logf("%d statements", planned)
		})
	}
}

// statements are statements about one table of a random model.
type statements struct {
	*oracle.Data
	t       *testing.T
	db      store.DB
	table   *model.Table
	system  bool
	noOld   bool
	slots   rule.Slots // of a condition
	planned int
}

func (s *statements) generator() *sqlgen.Generator {
	n := len(s.Rules.Slots.List)
	states, values, env := make([]rule.State, n+len(s.slots.List)), make([]value.Value, n+len(s.slots.List)), s.Env()
	s.Rules.Slots.Bind(&env, states, values)
	s.slots.Bind(&env, states[n:], values[n:])
	return &sqlgen.Generator{Dialect: s.db.Dialect(), Rules: s.Rules, Folder: rule.Folder{States: states, NoOld: s.noOld}, System: s.system}
}

var (
	quotedOrParameter = regexp.MustCompile(`'[^']*'|"[^"]*"|[$?][0-9]+`)
	parameter         = regexp.MustCompile(`[$?][0-9]+`)
)

// plan checks a statement.
func (s *statements) plan(stmt *sqlgen.Statement, err error) *sqlgen.Statement {
	s.t.Helper()
	s.checkNames(stmt, err)
	if stmt.SQL == "" {
		return stmt
	}
	s.planned++
	err = s.db.Read(s.t.Context(), func(r store.Reader) error {
		_, err := r.Explain(stmt.SQL, len(stmt.Args))
		return err
	})
	if err != nil {
		s.t.Fatalf("%v\n%s\n%s", err, stmt.SQL, s.Source)
	}
	return stmt
}

// checkNames checks that a statement names every value that it binds.
func (s *statements) checkNames(stmt *sqlgen.Statement, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.Source)
	}
	named := quotedOrParameter.FindAllString(stmt.SQL, -1)
	for i, arg := range stmt.Args {
		if name := parameter.FindString(s.db.Dialect().Placeholder(i+1, value.Int)); !slices.Contains(named, name) {
			s.t.Fatalf("the statement does not name %s, which is %+v\n%s\n%s", name, arg, stmt.SQL, s.Source)
		}
	}
}

// fields returns some fields of the table.
func (s *statements) fields() []*model.Field {
	return s.fieldsWhere(func(*model.Field) bool { return true })
}

func (s *statements) fieldsWhere(suits func(*model.Field) bool) (some []*model.Field) {
	for _, i := range s.Perm(len(s.table.Fields)) {
		if f := s.table.Fields[i]; suits(f) && s.IntN(2) == 0 {
			some = append(some, f)
		}
	}
	return some
}

func (s *statements) isNoKey(f *model.Field) bool { return f != s.table.ID() && f.Type != model.JSON }

// condition returns a condition, or nil. generator then knows its slots.
func (s *statements) condition(uses oracle.Uses) rule.Node {
	s.slots = rule.Slots{Base: len(s.Rules.Slots.List)}
	scope := rule.Scope{Row: s.Rules.Table(s.table).Row, Roles: s.Model.Roles, Args: uses.Args}
	if uses.Old {
		scope.Old = s.Rules.Table(s.table).Old
	}
	for s.IntN(8) > 0 {
		if node, _, problems := rule.Compile(s.Condition(s.table, s.IntN(3), uses).Ash, scope); len(problems) == 0 {
			return s.slots.Extract(node)
		}
	}
	return nil
}

func (s *statements) reads() {
	s.plan(s.generator().Get(s.table, s.fields()))
	s.plan(s.generator().Readable(s.table))
	s.plan(s.generator().ByKeys(s.table, s.fields()))
	for _, rel := range s.table.Relations {
		if rel.Many {
			s.plan(s.generator().Children(rel, rel.To.Fields))
		}
	}
	filter := s.condition(oracle.Uses{Args: true})
	if count := s.plan(s.generator().Count(s.table, filter, sqlgen.AsPlanned)); len(count.Ways) > 0 {
		s.plan(s.generator().Count(s.table, filter, sqlgen.FromSets))
		s.plan(s.generator().ProbeCount(s.table, filter, 1000))
	}
	if check := s.condition(oracle.Uses{}); check != nil {
		s.plan(s.generator().Failing(s.table, check))
	}
}

// lists writes all ranges of a page, and all ways to its rows.
func (s *statements) lists() {
	list := sqlgen.List{Table: s.table, Fields: s.fields(), Filter: s.condition(oracle.Uses{Args: true}), Rows: s.IntN(2) * 10}
	if s.IntN(2) == 0 {
		for _, f := range s.fieldsWhere(s.isNoKey) {
			list.Sort = append(list.Sort, sqlgen.Key{Field: f, Desc: s.IntN(2) == 0})
		}
	}
	list.Sort = append(list.Sort, sqlgen.Key{Field: s.table.ID(), Desc: s.IntN(2) == 0})
	var nullable, start []bool
	for _, k := range list.Sort {
		nullable = append(nullable, s.generator().KeyMayBeNull(k.Field))
	}
	if s.IntN(3) > 0 {
		for i := range list.Sort {
			start = append(start, nullable[i] && s.IntN(2) == 0)
		}
	}
	for _, list.Range = range sqlgen.Ranges(list.Sort, nullable, start) {
		list.Way = sqlgen.AsPlanned
		ways := s.plan(s.generator().List(list)).Ways
		for _, list.Way = range ways {
			s.plan(s.generator().List(list))
		}
		if len(ways) > 0 {
			s.plan(s.generator().Probe(list, 1000, 100))
		}
	}
}

func (s *statements) creates() {
	s.noOld, s.slots = true, rule.Slots{}
	defer func() { s.noOld = false }()
	rules := s.Rules.Table(s.table)
	after := sqlgen.After{Table: s.table, Rules: []rule.Node{rules.Create}, Checks: []rule.Node{rules.Checks[0].Cond}, Fields: s.fields(), Created: true}
	s.plan(s.generator().Insert(after))
	s.plan(s.generator().InsertKnown(after))
	s.plan(s.generator().After(after))
	s.plan(s.generator().Candidate(after))
}

func (s *statements) updates() {
	s.slots = rule.Slots{}
	rules := s.Rules.Table(s.table)
	from, set := []rule.Node{rules.UpdateFrom}, s.fieldsWhere(s.isNoKey)
	after := sqlgen.After{Table: s.table, Rules: []rule.Node{rules.UpdateFrom, rules.UpdateTo}, Checks: []rule.Node{nil}, Fields: s.fields(), Old: true}
	if s.IntN(2) == 0 {
		after.Checks[0] = rules.Checks[0].Cond
	}
	s.plan(s.generator().Update(after, from, set))
	s.plan(s.generator().Change(after, from, set))
	s.plan(s.generator().After(after))
	s.plan(s.generator().Candidate(after))
	var masks []rule.Node
	for _, f := range s.table.Fields {
		if mask := s.Rules.Field(f).Read; mask != nil {
			masks = append(masks, mask)
		}
	}
	s.plan(s.generator().OldRow(s.table, from, masks, true))
	s.plan(s.generator().LockRevision(s.table))
}

func (s *statements) deletions() {
	s.slots = rule.Slots{}
	s.plan(s.generator().Delete(s.table))
	s.plan(s.generator().DeleteAllowed(s.table, []rule.Node{s.Rules.Table(s.table).Delete}))
	reach := sqlgen.ReachOf(s.Model.Tables, s.table)
	s.plan(s.generator().CountReach(reach, 100))
	s.plan(s.generator().CheckReach(reach))
	s.plan(s.generator().LockDoomed(reach, 0))
}

// starts writes what finds the rows of jobs.
func (s *statements) starts() {
	start := sqlgen.Start{Table: s.table}
	for _, f := range s.fieldsWhere(s.isNoKey) {
		switch s.IntN(3) {
		case 0:
			start.Key = f
		case 1:
			start.Order = f
		default:
			start.Once = append(start.Once, f)
		}
	}
	for _, f := range s.fieldsWhere(func(f *model.Field) bool { return f.Type == model.Timestamp }) {
		at, problems := rule.CompileValue("("+f.Name+" < created_at ? null : "+f.Name+" + duration('1h'))", rule.Scope{Row: s.Rules.Table(s.table).Row})
		if len(problems) > 0 {
			s.t.Fatal(problems)
		}
		start.At, start.Order, start.Once = at, nil, nil
	}
	for which := sqlgen.Written; which <= sqlgen.Paged; which++ {
		rows := sqlgen.StartRows{Which: which, Reach: sqlgen.ReachOf(s.Model.Tables, s.table), First: s.IntN(2) == 0}
		start.When = s.condition(oracle.Uses{Old: which == sqlgen.Replaced || which == sqlgen.Changing})
		if which == sqlgen.Changing {
			rows.Fields = s.fieldsWhere(s.isNoKey)
		}
		if which == sqlgen.Swept { // the engine has the table of the rows only during a sweep
			s.checkNames(s.generator().Starts(start, rows))
			continue
		}
		s.plan(s.generator().Starts(start, rows))
	}
	if start.At != nil {
		s.plan(s.generator().DueTimer(s.table, start.At, start.When))
	}
	s.plan(s.generator().PageOf(s.table, s.IntN(2) == 0))
}
