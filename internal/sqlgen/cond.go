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
func (g *Generator) cond(node rule.Node, sc *scope, want logic) string {
	if want == admit && rule.NeverTrue(node) {
		return g.Dialect.Bool(false)
	}
	return g.limitText(g.condition(node, sc, want))
}

func (g *Generator) condition(node rule.Node, sc *scope, want logic) string {
	switch n := node.(type) {
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
		return g.joinConditions(n.Xs, " AND ", sc, want)
	case *rule.Or:
		if want == admit {
			if sql, ok := g.asSet(n, sc); ok {
				return sql
			}
		}
		return g.joinConditions(n.Xs, " OR ", sc, want)
	case *rule.If:
		return g.caseOf(n, sc, func(branch rule.Node) string { return g.cond(branch, sc, want) })
	case *rule.Compare:
		if want == admit {
			if sql, ok := g.asSet(n, sc); ok {
				return sql
			}
		}
		return g.compare(n.Op, n.L, n.R, sc, want)
	case *rule.In:
		return g.inItems(n, sc, want)
	case *rule.InList:
		sql := "(" + g.value(n.X, sc) + " IN " + g.Dialect.Elements(g.value(n.List, sc)) + ")"
		return g.nullIsFalse(sql, n.X, want)
	case *rule.Has:
		return "(" + g.value(n.X, sc) + " IS NOT NULL)"
	case *rule.Quantified:
		return g.quantified(n, sc, want)
	case *rule.Column:
		return g.Dialect.IsTrue(g.value(n, sc))
	default: // a constant, a call
		return g.value(n, sc)
	}
}

// joinConditions joins conditions with AND or OR.
func (g *Generator) joinConditions(xs []rule.Node, op string, sc *scope, want logic) string {
	var parts []string
	for _, node := range xs {
		if want == admit && op == " OR " && rule.NeverTrue(node) {
			continue // cond has handled the case that all are
		}
		parts = append(parts, g.cond(node, sc, want))
	}
	return "(" + strings.Join(parts, op) + ")"
}

// caseOf writes ?: with branches that f writes. A simple CASE evaluates the condition once, and NULL matches no WHEN.
func (g *Generator) caseOf(n *rule.If, sc *scope, f func(rule.Node) string) string {
	return "CASE " + g.cond(n.Cond, sc, threeValued) +
		" WHEN " + g.Dialect.Bool(true) + " THEN " + f(n.Then) +
		" WHEN " + g.Dialect.Bool(false) + " THEN " + f(n.Else) + " END"
}
