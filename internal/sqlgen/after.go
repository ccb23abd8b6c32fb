package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// After is what a write asks about its new row.
type After struct {
	Table   *model.Table
	Rules   []rule.Node    // access rules, which do not bind the system
	Checks  []rule.Node    // checks, which bind everybody; nil for one that is not asked
	Fields  []*model.Field // fields that the caller reads
	Created bool           // there is no old row
	Old     bool           // inputs hold the old row
}

// rulesFirst reports whether the writing statement asks the rules before it writes. An update always does. A create does
// if a rule looks at other rows, since rules see other rows as they were before the write.
func (g *Generator) rulesFirst(after After) bool {
	if g.System {
		return false
	}
	return !after.Created || slices.ContainsFunc(after.Rules, func(n rule.Node) bool { return rule.Relates(g.fold(n)) })
}

// selfContained reports whether the new row alone answers After, without other rows and without the old row. A statement
// that writes a row does not see the new row among the others yet.
func (g *Generator) selfContained(after After) bool {
	asked := slices.Clone(after.Checks)
	if !g.System {
		asked = append(asked, g.Rules.Table(after.Table).Read)
		for _, f := range after.Fields {
			asked = append(asked, g.Rules.Field(f).Read)
		}
		if !g.rulesFirst(after) {
			asked = append(asked, after.Rules...)
		}
	}
	return !slices.ContainsFunc(asked, func(node rule.Node) bool {
		if node == nil {
			return false
		}
		node = g.fold(node)
		return rule.Relates(node) || rule.UsesOld(node)
	})
}

// After asks about a row that has just been written. Input 0 is its id, and input 1 the revision of the write. With
// after.Old, inputs 2 to n+1 are the old values of the n fields of the table. The columns are: whether the caller may
// read the row, the outcome of each rule and check, the fields under the caller's masks, and the revision. There is no
// row if the write changed none.
func (g *Generator) After(after After) (*Statement, error) {
	table := after.Table
	sc := g.modelScope(table, "t0")
	if after.Old {
		sc = sc.nested(g.Rules.Table(table).Old, "old")
	}
	cols := append(g.afterColumns(after, "t0", sc), column("t0", Revision))
	source := g.from(table, "t0")
	if after.Old {
		source += ", " + g.inputRow(table, 2, "old")
	}
	conds := []string{column("t0", "id") + " = " + g.inputOf(0, table.ID()), column("t0", Revision) + " = " + g.input(1, value.Int)}
	return g.finish("SELECT " + strings.Join(cols, ", ") + source + where(conds))
}

// afterColumns returns the columns of After without the revision. row is the name of the row in the statement.
func (g *Generator) afterColumns(after After, row string, sc *scope) []string {
	cols := g.readCondition(after.Table, row)
	if cols == nil {
		cols = []string{g.Dialect.Bool(true)}
	}
	if g.rulesFirst(after) {
		for range after.Rules {
			cols = append(cols, g.Dialect.Bool(true))
		}
	} else {
		cols = append(cols, g.outcomes(after.Rules, sc)...)
	}
	return append(append(cols, g.checkColumns(after, sc)...), g.columns(after.Fields, row)...)
}

// outcomes writes rules as columns: true, or anything else.
func (g *Generator) outcomes(rules []rule.Node, sc *scope) []string {
	cols := make([]string, len(rules))
	for i, node := range rules {
		if g.System {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(node), sc, admit)
	}
	return cols
}

// checkColumns writes checks as columns.
func (g *Generator) checkColumns(after After, sc *scope) []string {
	cols := make([]string, len(after.Checks))
	for i, node := range after.Checks {
		if node == nil {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(node), sc, admit)
	}
	return cols
}

// returning returns a RETURNING clause with the columns of After. The row has the name of its table, since SQLite knows
// no other name there.
func (g *Generator) returning(after After) string {
	row := Quote(after.Table.Name)
	cols := g.afterColumns(after, row, g.modelScope(after.Table, row))
	return " RETURNING " + strings.Join(append(cols, column(row, Revision)), ", ")
}

// withReturning finishes a writing statement, with the columns of After if it can return them.
func (g *Generator) withReturning(sql string, after After) (*Statement, error) {
	if !g.selfContained(after) {
		return g.finish(sql)
	}
	stmt, err := g.finish(sql + g.returning(after))
	if err == nil {
		stmt.ReturnsAfter = true
	}
	return stmt, err
}

// Candidate asks rules and checks about a row that is not stored. Input 0 is its id. For the n fields of the table,
// inputs 1 to n are the old values (with after.Old). The next n inputs are the values that rules see, and the next n the
// values that checks see. The columns are the outcomes of the rules, then of the checks.
func (g *Generator) Candidate(after After) (*Statement, error) {
	table, n := after.Table, len(after.Table.Fields)
	g.dangling = true
	checked := g.alias()
	rules, checks := g.writeScope(table, "t0"), g.modelScope(table, checked)
	source := " FROM " + g.inputRow(table, 1+n, "t0") + ", " + g.inputRow(table, 1+2*n, checked)
	if after.Old {
		source += ", " + g.inputRow(table, 1, "old")
		rules, checks = rules.nested(g.Rules.Table(table).Old, "old"), checks.nested(g.Rules.Table(table).Old, "old")
	}
	return g.finish("SELECT " + strings.Join(append(g.outcomes(after.Rules, rules), g.checkColumns(after, checks)...), ", ") + source)
}

// inputRow returns a row for FROM that is made of inputs.
func (g *Generator) inputRow(table *model.Table, first int, alias string) string {
	cols := make([]string, len(table.Fields))
	for i, f := range table.Fields {
		cols[i] = g.inputOf(first+i, f) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + ") AS " + alias
}
