package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// An engine evaluates the conditions of a statement in an order of its own: PostgreSQL by estimated cost, SQLite by the
// columns that they need. So a client's condition may run on a row before the rule that hides the row, and its running time
// would reveal what the row holds. A condition that may take longer than a comparison therefore stands in a guard: a CASE
// whose WHEN is the rule. Both engines evaluate a CASE in order. Comparisons need no guard, so that an index can serve them.
//
// A guard must read the row. SQLite turns `n = 7 AND CASE WHEN n = 7 OR … THEN …` into CASE WHEN 7 = 7, and may evaluate that
// before it reads n. A statement with a guard therefore writes `n IS 7`. Indexes serve it as well.

// stopPropagation makes the generator write equalities that the engine does not propagate, if the client's part of a
// statement needs guards. That part is the filter, which may be nil, and the sort keys. Call it before writing any part
// of the statement.
func (g *Generator) stopPropagation(filter rule.Node, sc *scope, sort []Key) {
	costly := filter != nil && !g.isCheap(filter, sc)
	for _, k := range sort {
		costly = costly || !g.isCheapKey(k.Field)
	}
	g.keepApart = g.Dialect.PropagatesConstants() && costly && !g.System
}

// conjunct writes a condition that stands with others in a WHERE.
func (g *Generator) conjunct(node rule.Node, sc *scope) string {
	if !g.keepApart || rule.NeverTrue(node) {
		return g.cond(node, sc, admit)
	}
	switch n := node.(type) {
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
		if n.Op == rule.Eq && !g.mixed(n.L, n.R) && ((isColumn(n.L) && isFixed(n.R)) || (isColumn(n.R) && isFixed(n.L))) {
			return g.Dialect.Same(g.value(n.L, sc), g.value(n.R, sc))
		}
	case *rule.In: // SQLite propagates IN with one item too
		if len(n.Items) == 1 && isFixed(n.Items[0]) {
			return g.conjunct(&rule.Compare{Op: rule.Eq, L: n.X, R: n.Items[0]}, sc)
		}
	}
	return g.cond(node, sc, admit)
}

func isColumn(n rule.Node) bool {
	_, ok := n.(*rule.Column)
	return ok
}

// isFixed reports whether a node has one value for all rows.
func isFixed(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Const:
		return !n.Value.IsNull()
	case *rule.Param:
		return true
	}
	return false
}

// equalsConstant compares a column with a constant.
func (g *Generator) equalsConstant(column, constant string) string {
	if g.keepApart {
		return g.Dialect.Same(column, constant)
	}
	return column + " = " + constant
}

// guardedConditions returns a client's condition about rows that the caller may read. admits is the read rule, or empty if
// the caller may read all rows.
func (g *Generator) guardedConditions(node rule.Node, sc *scope, admits []string) []string {
	if len(admits) == 0 {
		return []string{g.conjunct(node, sc)}
	}
	cheap, rest := g.splitCheap(node, sc)
	var conds []string
	if cheap != nil {
		conds = append(conds, g.conjunct(cheap, sc))
	}
	if rest != nil {
		conds = append(conds, guardedBy(admits, g.cond(rest, sc, admit)))
	}
	return conds
}

// guardedBy returns a condition that the engine only evaluates if the rule holds.
func guardedBy(admits []string, cond string) string {
	if len(admits) == 0 {
		return cond
	}
	return "(CASE WHEN " + strings.Join(admits, " AND ") + " THEN " + cond + " END)"
}
