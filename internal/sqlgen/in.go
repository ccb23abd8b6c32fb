package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// inItems writes x in [a, b]: x equals one of the items. A missing x equals a missing item.
func (g *Generator) inItems(in *rule.In, sc *scope, want logic) string {
	if c, ok := in.X.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string {
			return g.cond(rule.Folder{}.Fold(&rule.In{X: b, Items: in.Items}), sc, want)
		}) + ")"
	}
	if sql, ok := g.uuidIn(in, sc, want); ok {
		return sql
	}
	var plain, parts []string
	for _, item := range in.Items {
		if _, column := item.(*rule.Column); column || isNull(item) || g.mixed(in.X, item) || isNull(in.X) {
			parts = append(parts, g.compare(rule.Eq, in.X, item, sc, want))
		} else {
			plain = append(plain, g.value(item, sc))
		}
	}
	if len(plain) > 0 {
		sql := "(" + g.value(in.X, sc) + " IN (" + strings.Join(plain, ", ") + "))"
		parts = append(parts, g.nullIsFalse(sql, in.X, want))
	}
	switch len(parts) {
	case 0:
		return g.inNothing(in.X, sc)
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// inNothing writes x in []: false, unless x fails.
func (g *Generator) inNothing(node rule.Node, sc *scope) string {
	if canFail(node) {
		return "(" + g.value(node, sc) + " IS NULL AND NULL)"
	}
	return g.Dialect.Bool(false)
}

// nullIsFalse turns the NULL of a comparison with a missing operand into false.
func (g *Generator) nullIsFalse(sql string, node rule.Node, want logic) string {
	if want == admit || !mayBeNull(node) {
		return sql
	}
	return "coalesce(" + sql + ", " + g.Dialect.Bool(false) + ")"
}
