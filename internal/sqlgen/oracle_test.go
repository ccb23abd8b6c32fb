package sqlgen_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

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

// TestOracle generates models, rows and expressions. It compares what the database makes of each expression for each row
// (true, false, failure) with what cel-go's evaluator says. It asks as the model's rules do, as a client does through
// masks and read rules, and as the rules of an update and a create do. ASHLAR_NIGHTLY=1 makes more than 100,000 pairs of
// each.
func TestOracle(t *testing.T) {
	models, exprs := effort.Cases(12, 90), 60
	if effort.Nightly() {
		exprs = 300
	}
	random := effort.Seeds(t)
	for _, e := range []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 2}), modeltest.Postgres(postgres.Config{Readers: 2, Writers: 1})} {
		t.Run(e.Name, func(t *testing.T) {
			tallies := map[string]*tally{}
			for i := range models {
				o := newComparison(t, e, random(i))
				for range exprs {
					o.compare(t, tallyOf(tallies, "rows"))
					o.comparePairs(t, tallyOf(tallies, "pairs with old"))
				}
				o.db.Close()
			}
			for name, tally := range tallies {
				tally.check(t, name)
			}
		})
	}
}

type tally struct {
	pairs, exprs, refused int
	outcomes              map[oracle.Outcome]int
}

func tallyOf(all map[string]*tally, name string) *tally {
	if all[name] == nil {
		all[name] = &tally{outcomes: map[oracle.Outcome]int{}}
	}
	return all[name]
}

func (y *tally) check(t *testing.T, name string) {
	t.Helper()
	t.Logf("%s: %d pairs of expression and row: %d true, %d false, %d failed; %d of %d expressions refused at load", name,
		y.pairs, y.outcomes[oracle.True], y.outcomes[oracle.False], y.outcomes[oracle.Failure], y.refused, y.exprs)
	for _, o := range []oracle.Outcome{oracle.True, oracle.False, oracle.Failure} {
		if y.outcomes[o]*50 < y.pairs && !effort.Raced {
			t.Errorf("%s: outcome %c is rare: the generator proves little", name, o)
		}
	}
	if y.refused*3 > y.exprs && !effort.Raced {
		t.Errorf("%s: %d of %d expressions refused: the generator proves little", name, y.refused, y.exprs)
	}
}

// comparison is rows in a database and as the evaluator takes them.
type comparison struct {
	*oracle.Data
	db store.DB
}

func newComparison(t *testing.T, e modeltest.Engine, r *rand.Rand) *comparison {
	t.Helper()
	o := &comparison{Data: oracle.New(t, r).Fill(6), db: e.Empty(t)}
	o.lengthen()
	if err := o.Store(context.Background(), o.db); err != nil {
		t.Fatalf("%v\n%s", err, o.Source)
	}
	return o
}

// lengthen makes a text of each table so long that twice the text is no text of an expression.
func (o *comparison) lengthen() {
	for _, t := range o.Model.Tables {
		for _, f := range t.Fields {
			if f.Type == model.Text && f.Max == nil {
				o.Rows[t.Name][o.IntN(6)][f.Name] = types.String(strings.Repeat("ab", value.MaxConcat/4+o.IntN(2)))
				break
			}
		}
	}
}

// compare generates an expression and compares.
func (o *comparison) compare(t *testing.T, tally *tally) {
	t.Helper()
	table := o.Model.Tables[o.IntN(len(o.Model.Tables))]
	expr := o.Condition(table, 1+o.IntN(3), oracle.Uses{Args: true})
	tally.exprs++
	node, _, problems := o.Rules.Filter(table, expr.Ash)
	if len(problems) > 0 {
		tally.refused++
		return
	}
	for _, client := range []bool{false, true} {
		b := o.bind(node, rule.Folder{})
		got := b.run(t, o.db, nil, func() (*sqlgen.Statement, error) {
			return b.OutcomesOfRows(table, b.node, client, o.IntN(2) == 0)
		})
		for i, rec := range o.byID(table) {
			want := o.Ask(expr.CEL, table, rec, nil, client)
			tally.pairs++
			tally.outcomes[want]++
			if got[i] != (answer{want, want == oracle.True}) {
				t.Fatalf("%s of row %v (client %v): database says %v, cel-go says %c\nas %s\ntree %s\nrow %.2000v\n%s",
					expr.Ash, rec["id"], client, got[i], want, expr.CEL, rule.Format(node), rec, o.Source)
			}
		}
	}
}

func (o *comparison) byID(t *model.Table) []oracle.Record {
	rows := slices.Clone(o.Rows[t.Name])
	slices.SortFunc(rows, func(a, b oracle.Record) int { return oracle.Compare(a["id"], b["id"]) })
	return rows
}

// comparePairs generates an expression that may name old, and compares it about pairs of an old and a new row. A create
// has no old row.
func (o *comparison) comparePairs(t *testing.T, tally *tally) {
	t.Helper()
	table := o.Model.Tables[1+o.IntN(len(o.Model.Tables)-1)]
	expr := o.Condition(table, 1+o.IntN(3), oracle.Uses{Old: true})
	tally.exprs++
	rules := o.Rules.Table(table)
	node, _, problems := rule.Compile(expr.Ash, rule.Scope{Row: rules.Row, Old: rules.Old})
	if len(problems) > 0 {
		tally.refused++
		return
	}
	rows := o.Rows[table.Name]
	for range 3 {
		for _, rec := range rows {
			var old oracle.Record // none one time in seven: the row is created
			if i := o.IntN(len(rows) + 1); i < len(rows) {
				old = rows[i]
			}
			b := o.bind(node, rule.Folder{NoOld: old == nil})
			got := b.run(t, o.db, inputs(table, old, rec), func() (*sqlgen.Statement, error) {
				return b.OutcomesOfPair(table, b.node, old != nil)
			})
			want := o.Ask(expr.CEL, table, rec, old, false)
			tally.pairs++
			tally.outcomes[want]++
			if len(got) != 1 || got[0] != (answer{want, want == oracle.True}) {
				t.Fatalf("%s: database says %v, cel-go says %c\nas %s\ntree %s\nrow %.2000v\nold %.2000v\n%s",
					expr.Ash, got, want, expr.CEL, rule.Format(node), rec, old, o.Source)
			}
		}
	}
}

func inputs(table *model.Table, old, rec oracle.Record) []value.Value {
	var in []value.Value
	for _, f := range table.Fields {
		in = append(in, oracle.Stored(f, rec[f.Name]))
	}
	if old != nil {
		for _, f := range table.Fields {
			in = append(in, oracle.Stored(f, old[f.Name]))
		}
	}
	return in
}

// bound is an expression whose slots are evaluated, and a generator for the class of callers that this makes.
type bound struct {
	*sqlgen.Generator
	node   rule.Node
	values []value.Value
}

func (o *comparison) bind(node rule.Node, f rule.Folder) *bound {
	slots := rule.Slots{Base: len(o.Rules.Slots.List)}
	extracted := slots.Extract(node)
	n := len(o.Rules.Slots.List) + len(slots.List)
	states, values := make([]rule.State, n), make([]value.Value, n)
	env := o.Env()
	o.Rules.Slots.Bind(&env, states, values)
	slots.Bind(&env, states[slots.Base:], values[slots.Base:])
	f.States = states
	g := &sqlgen.Generator{Dialect: o.db.Dialect(), Rules: o.Rules, Folder: f}
	if o.db.Dialect().PropagatesConstants() && o.IntN(2) == 0 {
		g.KeepStill()
	}
	return &bound{Generator: g, node: f.Fold(extracted), values: values}
}

// answer is what the database says of one row.
type answer struct {
	outcome oracle.Outcome
	admits  bool
}

func (b *bound) run(t *testing.T, db store.DB, inputs []value.Value, statement func() (*sqlgen.Statement, error)) (answers []answer) {
	t.Helper()
	stmt, err := statement()
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(stmt.SQL, stmt.Bind(nil, b.values, inputs), func(row value.Row) error {
			a := answer{oracle.False, !row.Null(1) && row.Int(1) == 1}
			switch {
			case row.Null(0):
				a.outcome = oracle.Failure
			case row.Int(0) == 1:
				a.outcome = oracle.True
			}
			answers = append(answers, a)
			return nil
		})
	})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, rule.Format(b.node), stmt.SQL)
	}
	return answers
}
