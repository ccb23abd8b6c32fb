package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// logic says which outcomes of a condition must be distinct.
type logic uint8

const (
	threeValued logic = iota // true, false, and NULL for a failure
	admit                    // true or not true, as in a WHERE
)

// cond writes a folded condition.
func (g *Generator) cond(n rule.Node, sc *scope, m logic) string {
	if m == admit && rule.NeverTrue(n) {
		return g.Dialect.Bool(false)
	}
	return g.limitText(g.condition(n, sc, m))
}

func (g *Generator) condition(n rule.Node, sc *scope, m logic) string {
	switch n := n.(type) {
	case *rule.Failed:
		return g.Dialect.Null(value.Bool)
	case *rule.Const:
		if n.Value.IsNull() {
			return g.Dialect.Null(value.Bool)
		}
		return g.value(n, sc)
	case *rule.Not:
		return "(NOT " + g.cond(n.X, sc, threeValued) + ")"
	case *rule.And:
		return g.joinConditions(n.Xs, " AND ", sc, m)
	case *rule.Or:
		if m == admit {
			if sql, ok := g.asSet(n, sc); ok {
				return sql
			}
		}
		return g.joinConditions(n.Xs, " OR ", sc, m)
	case *rule.If:
		return g.caseOf(n, sc, func(branch rule.Node) string { return g.cond(branch, sc, m) })
	case *rule.Compare:
		if m == admit {
			if sql, ok := g.asSet(n, sc); ok {
				return sql
			}
		}
		return g.compare(n.Op, n.L, n.R, sc, m)
	case *rule.In:
		return g.inItems(n, sc, m)
	case *rule.InList:
		sql := "(" + g.value(n.X, sc) + " IN " + g.Dialect.Elements(g.value(n.List, sc)) + ")"
		return g.nullIsFalse(sql, n.X, m)
	case *rule.Has:
		return "(" + g.value(n.X, sc) + " IS NOT NULL)"
	case *rule.Quantified:
		return g.quantified(n, sc, m)
	case *rule.Column:
		return g.Dialect.IsTrue(g.value(n, sc))
	default: // a constant, a call
		return g.value(n, sc)
	}
}

func (g *Generator) joinConditions(xs []rule.Node, op string, sc *scope, m logic) string {
	var parts []string
	for _, x := range xs {
		if m == admit && op == " OR " && rule.NeverTrue(x) {
			continue // not all of them, or the whole would never be true
		}
		parts = append(parts, g.cond(x, sc, m))
	}
	return "(" + strings.Join(parts, op) + ")"
}

// caseOf writes ?: with each branch written by f. A simple CASE evaluates the condition once, and NULL matches no WHEN.
func (g *Generator) caseOf(n *rule.If, sc *scope, f func(rule.Node) string) string {
	return "CASE " + g.cond(n.Cond, sc, threeValued) +
		" WHEN " + g.Dialect.Bool(true) + " THEN " + f(n.Then) +
		" WHEN " + g.Dialect.Bool(false) + " THEN " + f(n.Else) + " END"
}
