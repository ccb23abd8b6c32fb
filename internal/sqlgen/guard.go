package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A database orders the conditions of a statement as it likes: PostgreSQL by their estimated cost, SQLite by the columns
// that they need. A client's condition may therefore run on a row before the rule that hides the row, and how long it runs
// would tell what the row holds. So a condition that may take longer than a comparison stands in a CASE behind the rule,
// which both engines evaluate in order. Comparisons stand beside the rule as well, where an index can serve them.

//
// A guard must see the row as it is. SQLite makes of `n = 7 AND CASE WHEN n = 7 OR … THEN …` a CASE WHEN 7 = 7, and may
// evaluate that before it looks at n. A statement with a guard therefore writes `n IS 7`, which indexes serve as well.

// stopPropagation stops equalities from spreading, where the client's part of a statement needs guards: the filter, which may be
// nil, or the sort keys. It comes before anything of the statement is written.
func (g *Generator) stopPropagation(filter rule.Node, sc *scope, sort []Key) {
	dear := filter != nil && !g.isCheap(filter, sc)
	for _, k := range sort {
		dear = dear || !g.isCheapKey(k.Field)
	}
	g.keepApart = g.Dialect.PropagatesConstants() && dear && !g.System
}

// conjunct writes a condition that stands in the WHERE of a statement with others.
func (g *Generator) conjunct(n rule.Node, sc *scope) string {
	if !g.keepApart || rule.NeverTrue(n) {
		return g.cond(n, sc, admit)
	}
	switch n := n.(type) {
	case *rule.And:
		parts := make([]string, len(n.Xs))
		for i, x := range n.Xs {
			parts[i] = g.conjunct(x, sc)
		}
		return g.limitText("(" + strings.Join(parts, " AND ") + ")")
	case *rule.Compare:
		if sql, ok := g.asSet(n, sc); ok {
			return sql
		}
		if n.Op == rule.Eq && !g.mixed(n.L, n.R) && (isColumn(n.L) && isFixed(n.R) || isColumn(n.R) && isFixed(n.L)) {
			return g.Dialect.Same(g.value(n.L, sc), g.value(n.R, sc))
		}
	case *rule.In: // one item is an equality to SQLite
		if len(n.Items) == 1 && isFixed(n.Items[0]) {
			return g.conjunct(&rule.Compare{Op: rule.Eq, L: n.X, R: n.Items[0]}, sc)
		}
	}
	return g.cond(n, sc, admit)
}

func isColumn(n rule.Node) bool {
	_, ok := n.(*rule.Column)
	return ok
}

// isFixed says whether n is the same for every row, and a value.
func isFixed(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Const:
		return !n.Value.IsNull()
	case *rule.Param:
		return true
	}
	return false
}

// equalsConstant writes that a column has the value of a constant.
func (g *Generator) equalsConstant(column, constant string) string {
	if g.keepApart {
		return g.Dialect.Same(column, constant)
	}
	return column + " = " + constant
}

// guardedConditions writes a client's condition about rows that the caller may read where admits hold: no or one element, as readable
// returns it.
func (g *Generator) guardedConditions(n rule.Node, sc *scope, admits []string) []string {
	if len(admits) == 0 {
		return []string{g.conjunct(n, sc)}
	}
	cheap, rest := g.splitCheap(n, sc)
	var conds []string
	if cheap != nil {
		conds = append(conds, g.conjunct(cheap, sc))
	}
	if rest != nil {
		conds = append(conds, guardedBy(admits, g.cond(rest, sc, admit)))
	}
	return conds
}

// guardedBy is a condition that is evaluated where the rule holds, and nowhere else.
func guardedBy(admits []string, cond string) string {
	if len(admits) == 0 {
		return cond
	}
	return "(CASE WHEN " + strings.Join(admits, " AND ") + " THEN " + cond + " END)"
}
