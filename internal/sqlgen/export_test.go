package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// The oracle needs engines. They import this package, so the oracle is a test from outside, and asks by these methods.

// KeepStill stops equalities from spreading, as in a statement with guards.
func (g *Generator) KeepStill() { g.keepApart = true }

// OutcomesOfRows asks a folded condition of all rows of a table, in the order of their ids. The columns are the outcome
// as a value, and whether the condition admits the row. callerSide permits sets of the caller.
func (g *Generator) OutcomesOfRows(t *model.Table, n rule.Node, client, callerSide bool) (*Statement, error) {
	sc := g.modelScope(t, "t0")
	sc.client, sc.allowSets = client, callerSide
	return g.finish(g.outcomesOf(n, sc) + g.from(t, "t0") + " ORDER BY " + column("t0", "id"))
}

// OutcomesOfPair asks a folded condition of a row that is not stored, and of the old row if there is one. Inputs are the
// values of the new row, then of the old row. The columns are the same as in OutcomesOfRows.
func (g *Generator) OutcomesOfPair(t *model.Table, n rule.Node, old bool) (*Statement, error) {
	sc := g.modelScope(t, "t0")
	source := " FROM " + g.inputRow(t, 0, "t0")
	if old {
		sc = sc.nested(g.Rules.Table(t).Old, "old")
		source += ", " + g.inputRow(t, len(t.Fields), "old")
	}
	return g.finish(g.outcomesOf(n, sc) + source)
}

func (g *Generator) outcomesOf(n rule.Node, sc *scope) string {
	return "SELECT " + g.cond(n, sc, threeValued) + ", " + g.cond(n, sc, admit) + " AS admits"
}
