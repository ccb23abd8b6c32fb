package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// in writes x in [a, b]: whether x equals one of the items, missing equalling missing.
func (g *Generator) inItems(n *rule.In, sc *scope, m logic) string {
	if c, ok := n.X.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string {
			return g.cond(rule.Folder{}.Fold(&rule.In{X: b, Items: n.Items}), sc, m)
		}) + ")"
	}
	if sql, ok := g.uuidIn(n, sc, m); ok {
		return sql
	}
	var plain, parts []string
	for _, item := range n.Items {
		if _, column := item.(*rule.Column); column || isNull(item) || g.mixed(n.X, item) || isNull(n.X) {
			parts = append(parts, g.compare(rule.Eq, n.X, item, sc, m))
		} else {
			plain = append(plain, g.value(item, sc))
		}
	}
	if len(plain) > 0 {
		sql := "(" + g.value(n.X, sc) + " IN (" + strings.Join(plain, ", ") + "))"
		parts = append(parts, g.nullIsFalse(sql, n.X, m))
	}
	switch len(parts) {
	case 0:
		return g.inNothing(n.X, sc)
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// inNothing is x in []: false, unless x fails.
func (g *Generator) inNothing(x rule.Node, sc *scope) string {
	if canFail(x) {
		return "(" + g.value(x, sc) + " IS NULL AND NULL)"
	}
	return g.Dialect.Bool(false)
}

// nullIsFalse makes false of the NULL that a comparison with a missing x gives.
func (g *Generator) nullIsFalse(sql string, x rule.Node, m logic) string {
	if m == admit || !mayBeNull(x) {
		return sql
	}
	return "coalesce(" + sql + ", " + g.Dialect.Bool(false) + ")"
}
