package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// After is what is asked of a row as it becomes.
type After struct {
	Table   *model.Table
	Rules   []rule.Node    // do not bind the system
	Checks  []rule.Node    // bind everybody; nil where one is not asked
	Fields  []*model.Field // as the caller reads them
	Created bool
	Old     bool // inputs hold the row as it was
}

// rulesFirst says whether the rules are asked before the row is written, by the statement that writes it. An update
// always does that. A create does it where a rule looks at other rows, which it sees as they were before the write.
func (g *Generator) rulesFirst(a After) bool {
	if g.System {
		return false
	}
	return !a.Created || slices.ContainsFunc(a.Rules, func(n rule.Node) bool { return rule.Relates(g.fold(n)) })
}

// selfContained says whether what is asked of a row after it was written can be told without looking at another, or at the row
// as it was: a statement that writes a row does not see it among the others yet.
func (g *Generator) selfContained(a After) bool {
	asked := slices.Clone(a.Checks)
	if !g.System {
		asked = append(asked, g.Rules.Table(a.Table).Read)
		for _, f := range a.Fields {
			asked = append(asked, g.Rules.Field(f).Read)
		}
		if !g.rulesFirst(a) {
			asked = append(asked, a.Rules...)
		}
	}
	return !slices.ContainsFunc(asked, func(n rule.Node) bool {
		if n == nil {
			return false
		}
		n = g.fold(n)
		return rule.Relates(n) || rule.UsesOld(n)
	})
}

// After asks about a row that has just been written. Input 0 is its id, input 1 the revision of the write, and inputs 2 to
// n+1 the values of the n fields of the table as it was (where Old). The columns are whether the caller may read it, the
// outcome of each rule and check, the fields under the caller's masks, the revision. There is no row where the write
// changed none.
func (g *Generator) After(a After) (*Statement, error) {
	t := a.Table
	sc := g.modelScope(t, "t0")
	if a.Old {
		sc = sc.nested(g.Rules.Table(t).Old, "old")
	}
	cols := append(g.afterColumns(a, "t0", sc), column("t0", Revision))
	source := g.from(t, "t0")
	if a.Old {
		source += ", " + g.inputRow(t, 2, "old")
	}
	conds := []string{column("t0", "id") + " = " + g.inputOf(0, t.ID()), column("t0", Revision) + " = " + g.input(1, value.Int)}
	return g.finish("SELECT " + strings.Join(cols, ", ") + source + where(conds))
}

// afterColumns are the columns of After, but for the revision, about a row under its name in the statement.
func (g *Generator) afterColumns(a After, row string, sc *scope) []string {
	cols := g.readCondition(a.Table, row)
	if cols == nil {
		cols = []string{g.Dialect.Bool(true)}
	}
	if g.rulesFirst(a) {
		for range a.Rules {
			cols = append(cols, g.Dialect.Bool(true))
		}
	} else {
		cols = append(cols, g.outcomes(a.Rules, sc)...)
	}
	return append(append(cols, g.checkColumns(a, sc)...), g.columns(a.Fields, row)...)
}

// outcomes writes conditions as columns: true, or anything else.
func (g *Generator) outcomes(rules []rule.Node, sc *scope) []string {
	cols := make([]string, len(rules))
	for i, r := range rules {
		if g.System {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(r), sc, admit)
	}
	return cols
}

// checkColumns writes checks as columns.
func (g *Generator) checkColumns(a After, sc *scope) []string {
	cols := make([]string, len(a.Checks))
	for i, c := range a.Checks {
		if c == nil {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(c), sc, admit)
	}
	return cols
}

// returning ends a statement that writes a row with what is asked of it. The row has the name of its table there: SQLite
// knows no other.
func (g *Generator) returning(a After) string {
	row := Quote(a.Table.Name)
	return " RETURNING " + strings.Join(append(g.afterColumns(a, row, g.modelScope(a.Table, row)), column(row, Revision)), ", ")
}

// withReturning ends a statement that writes, and makes it answer what is asked of the row where it can.
func (g *Generator) withReturning(sql string, a After) (*Statement, error) {
	if !g.selfContained(a) {
		return g.finish(sql)
	}
	s, err := g.finish(sql + g.returning(a))
	if err == nil {
		s.ReturnsAfter = true
	}
	return s, err
}

// Candidate asks rules and checks of a row that is not stored. Of the n fields of the table, inputs 1 to n are the values
// as they were (where Old), the next n those that the rules see, and the next n those that the checks see; input 0 is its
// id. The columns are the outcomes of the rules, then of the checks.
func (g *Generator) Candidate(a After) (*Statement, error) {
	t, n := a.Table, len(a.Table.Fields)
	g.dangling = true
	checked := g.alias()
	rules, checks := g.writeScope(t, "t0"), g.modelScope(t, checked)
	source := " FROM " + g.inputRow(t, 1+n, "t0") + ", " + g.inputRow(t, 1+2*n, checked)
	if a.Old {
		source += ", " + g.inputRow(t, 1, "old")
		rules, checks = rules.nested(g.Rules.Table(t).Old, "old"), checks.nested(g.Rules.Table(t).Old, "old")
	}
	return g.finish("SELECT " + strings.Join(append(g.outcomes(a.Rules, rules), g.checkColumns(a, checks)...), ", ") + source)
}

// row is a row made of inputs.
func (g *Generator) inputRow(t *model.Table, first int, alias string) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = g.inputOf(first+i, f) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + ") AS " + alias
}
