package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// mode says which outcomes of a condition must be told apart.
type mode bool

const (
	exact mode = false // true, false and NULL for a failure
	loose mode = true  // true or not: false and failure are the same, as where a condition admits a row
)

// cond writes a folded condition.
func (g *Generator) cond(n rule.Node, sc *scope, m mode) string {
	if m == loose && rule.NeverTrue(n) {
		return g.Dialect.Bool(false)
	}
	return g.bounded(g.condition(n, sc, m))
}

func (g *Generator) condition(n rule.Node, sc *scope, m mode) string {
	switch n := n.(type) {
	case *rule.Failed:
		return g.Dialect.Null(value.Bool)
	case *rule.Const:
		if n.Value.IsNull() {
			return g.Dialect.Null(value.Bool)
		}
		return g.value(n, sc)
	case *rule.Not:
		return "(NOT " + g.cond(n.X, sc, exact) + ")"
	case *rule.And:
		return g.junction(n.Xs, " AND ", sc, m)
	case *rule.Or:
		if m == loose {
			if sql, ok := g.turned(n, sc); ok {
				return sql
			}
		}
		return g.junction(n.Xs, " OR ", sc, m)
	case *rule.If:
		return g.choice(n, sc, func(branch rule.Node) string { return g.cond(branch, sc, m) })
	case *rule.Compare:
		if m == loose {
			if sql, ok := g.turned(n, sc); ok {
				return sql
			}
		}
		return g.compare(n.Op, n.L, n.R, sc, m)
	case *rule.In:
		return g.in(n, sc, m)
	case *rule.InList:
		sql := "(" + g.value(n.X, sc) + " IN " + g.Dialect.Elements(g.value(n.List, sc)) + ")"
		return g.answered(sql, n.X, m)
	case *rule.Has:
		return "(" + g.value(n.X, sc) + " IS NOT NULL)"
	case *rule.Quantified:
		return g.many(n, sc, m)
	case *rule.Column:
		return g.Dialect.Holds(g.value(n, sc))
	default: // a constant, a call
		return g.value(n, sc)
	}
}

func (g *Generator) junction(xs []rule.Node, op string, sc *scope, m mode) string {
	var parts []string
	for _, x := range xs {
		if m == loose && op == " OR " && rule.NeverTrue(x) {
			continue // not all of them, or the whole would never be true
		}
		parts = append(parts, g.cond(x, sc, m))
	}
	return "(" + strings.Join(parts, op) + ")"
}

// choice writes ?: with each branch written by f. A simple CASE evaluates the condition once, and NULL matches no WHEN.
func (g *Generator) choice(n *rule.If, sc *scope, f func(rule.Node) string) string {
	return "CASE " + g.cond(n.Cond, sc, exact) +
		" WHEN " + g.Dialect.Bool(true) + " THEN " + f(n.Then) +
		" WHEN " + g.Dialect.Bool(false) + " THEN " + f(n.Else) + " END"
}

// compare writes a comparison.
func (g *Generator) compare(op rule.Op, l, r rule.Node, sc *scope, m mode) string {
	if op != rule.Eq && op != rule.Ne {
		return g.ordered(op.String(), l, r, sc)
	}
	// A branch of ?: may be missing where the condition may fail: compare inside the branches, where only one can be.
	if c, ok := l.(*rule.If); ok && mayMiss(c) {
		return "(" + g.choice(c, sc, func(b rule.Node) string { return g.branch(op, b, r, sc, m) }) + ")"
	}
	if c, ok := r.(*rule.If); ok && mayMiss(c) {
		return "(" + g.choice(c, sc, func(b rule.Node) string { return g.branch(op, l, b, sc, m) }) + ")"
	}
	return g.equality(op, l, r, sc, m)
}

// branch compares where one side is a branch of ?:, which may have become a failure or null.
func (g *Generator) branch(op rule.Op, l, r rule.Node, sc *scope, m mode) string {
	folded := rule.Folder{}.Fold(&rule.Compare{Op: op, L: l, R: r})
	if c, ok := folded.(*rule.Compare); ok {
		return g.bounded(g.compare(c.Op, c.L, c.R, sc, m))
	}
	return g.cond(folded, sc, m)
}

// equality writes == and !=, which answer where an operand is missing and fail where one fails. An operand that can do
// both does not come here.
func (g *Generator) equality(op rule.Op, l, r rule.Node, sc *scope, m mode) string {
	if sql, ok := g.uuidEquality(op, l, r, sc, m); ok {
		return sql
	}
	missL, missR := mayMiss(l), mayMiss(r)
	switch {
	case l.Kind() == value.JSON || r.Kind() == value.JSON: // is compared with null alone, and = does not know it
	case !missL && !missR, m == loose && op == rule.Eq && missL != missR:
		return g.ordered(sqlOp(op), l, r, sc)
	case missL && canFail(r):
		return g.half(op, l, r, sc)
	case missR && canFail(l):
		return g.half(op, r, l, sc)
	}
	if g.mixed(l, r) && !isNull(l) && !isNull(r) {
		return g.mixedEquality(op, l, r, sc)
	}
	a, b := g.value(l, sc), g.value(r, sc)
	if op == rule.Eq {
		return g.Dialect.Same(a, b)
	}
	return g.Dialect.Differs(a, b)
}

func sqlOp(op rule.Op) string {
	switch op {
	case rule.Eq:
		return "="
	case rule.Ne:
		return "<>"
	default:
		return op.String()
	}
}

// half compares an operand that may be missing with one that may fail.
func (g *Generator) half(op rule.Op, missing, failing rule.Node, sc *scope) string {
	x := g.value(failing, sc)
	failed := "(" + x + " IS NULL AND NULL)"
	if op == rule.Ne {
		failed = "(NOT " + failed + ")"
	}
	return "CASE WHEN " + g.value(missing, sc) + " IS NULL THEN " + failed +
		" ELSE " + g.ordered(sqlOp(op), missing, failing, sc) + " END"
}

// mixedEquality compares numbers of different kinds, at least one of which may be missing; neither can fail.
func (g *Generator) mixedEquality(op rule.Op, l, r rule.Node, sc *scope) string {
	a, b := g.value(l, sc), g.value(r, sc)
	equal := "coalesce(" + g.ordered("=", l, r, sc) + ", " + a + " IS NULL AND " + b + " IS NULL)"
	if op == rule.Ne {
		return "(NOT " + equal + ")"
	}
	return equal
}

// ordered writes an operator that is NULL where an operand is.
func (g *Generator) ordered(op string, l, r rule.Node, sc *scope) string {
	if l.Kind() == value.Null || r.Kind() == value.Null {
		return g.Dialect.Null(value.Bool)
	}
	if a, b, ok := g.twoUUIDs(l, r, sc); ok {
		return "(" + a + " " + op + " " + b + ")"
	}
	if g.mixed(l, r) {
		return g.Dialect.Compare(op, g.number(l, sc), g.number(r, sc))
	}
	return "(" + g.value(l, sc) + " " + op + " " + g.value(r, sc) + ")"
}

// mixed says whether two numbers need more than the database's own comparison.
func (g *Generator) mixed(l, r rule.Node) bool {
	return g.Dialect.Mixed(number{kind: l.Kind(), scale: rule.ScaleOf(l)}, number{kind: r.Kind(), scale: rule.ScaleOf(r)})
}

// in writes x in [a, b]: whether x equals one of the items, missing equalling missing.
func (g *Generator) in(n *rule.In, sc *scope, m mode) string {
	if c, ok := n.X.(*rule.If); ok && mayMiss(c) {
		return "(" + g.choice(c, sc, func(b rule.Node) string {
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
		parts = append(parts, g.answered(sql, n.X, m))
	}
	switch len(parts) {
	case 0:
		return g.none(n.X, sc)
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// none is x in []: false, unless x fails.
func (g *Generator) none(x rule.Node, sc *scope) string {
	if canFail(x) {
		return "(" + g.value(x, sc) + " IS NULL AND NULL)"
	}
	return g.Dialect.Bool(false)
}

// answered makes false of the NULL that a comparison with a missing x gives.
func (g *Generator) answered(sql string, x rule.Node, m mode) string {
	if m == loose || !mayMiss(x) {
		return sql
	}
	return "coalesce(" + sql + ", " + g.Dialect.Bool(false) + ")"
}

func isNull(n rule.Node) bool {
	c, ok := n.(*rule.Const)
	return ok && c.Value.IsNull()
}

// mayMiss says whether n can be missing.
func mayMiss(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Column:
		return optional(n)
	case *rule.Const:
		return n.Value.IsNull()
	case *rule.If:
		return mayMiss(n.Then) || mayMiss(n.Else)
	}
	return false
}

// canFail says whether n can fail.
func canFail(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Column, *rule.Const, *rule.Param, *rule.Has:
		return false
	case *rule.Failed:
		return true
	case *rule.Not:
		return conditionFails(n.X)
	case *rule.And:
		return anyFails(n.Xs)
	case *rule.Or:
		return anyFails(n.Xs)
	case *rule.If:
		return conditionFails(n.Cond) || canFail(n.Then) || canFail(n.Else)
	case *rule.Compare:
		if n.Op == rule.Eq || n.Op == rule.Ne {
			return canFail(n.L) || canFail(n.R)
		}
		return conditionFails(n.L) || conditionFails(n.R)
	case *rule.In:
		return canFail(n.X)
	case *rule.InList:
		return canFail(n.X)
	case *rule.Quantified:
		return len(n.From.Steps) > 0 || n.From.Root.Role == rule.Old || n.Body != nil && conditionFails(n.Body)
	default: // arithmetic, functions
		return true
	}
}

// conditionFails says whether n fails as an operand that must be there.
func conditionFails(n rule.Node) bool {
	return mayMiss(n) || canFail(n)
}

// optional says whether a column can be missing, be it behind a mask or at the end of a path.
func optional(c *rule.Column) bool {
	return c.Field.Optional || len(c.Path.Steps) > 0 || c.Field.Read != nil || c.Path.Root.Role == rule.Old
}

func anyFails(xs []rule.Node) bool {
	for _, x := range xs {
		if conditionFails(x) {
			return true
		}
	}
	return false
}
