package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// compare writes a comparison.
func (g *Generator) compare(op rule.Op, l, r rule.Node, sc *scope, m logic) string {
	if op != rule.Eq && op != rule.Ne {
		return g.operator(op.String(), l, r, sc)
	}
	// A branch of ?: may be missing where the condition may fail: compare inside the branches, where only one can be.
	if c, ok := l.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string { return g.compareBranch(op, b, r, sc, m) }) + ")"
	}
	if c, ok := r.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string { return g.compareBranch(op, l, b, sc, m) }) + ")"
	}
	return g.equality(op, l, r, sc, m)
}

// compareBranch compares where one side is a branch of ?:, which may have become a failure or null.
func (g *Generator) compareBranch(op rule.Op, l, r rule.Node, sc *scope, m logic) string {
	folded := rule.Folder{}.Fold(&rule.Compare{Op: op, L: l, R: r})
	if c, ok := folded.(*rule.Compare); ok {
		return g.limitText(g.compare(c.Op, c.L, c.R, sc, m))
	}
	return g.cond(folded, sc, m)
}

// operator writes an operator that is NULL where an operand is.
func (g *Generator) operator(op string, l, r rule.Node, sc *scope) string {
	if l.Kind() == value.Null || r.Kind() == value.Null {
		return g.Dialect.Null(value.Bool)
	}
	if a, b, ok := g.uuidColumns(l, r, sc); ok {
		return "(" + a + " " + op + " " + b + ")"
	}
	if g.mixed(l, r) {
		return g.Dialect.Compare(op, g.number(l, sc), g.number(r, sc))
	}
	return "(" + g.value(l, sc) + " " + op + " " + g.value(r, sc) + ")"
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

// mixed says whether two numbers need more than the database's own comparison.
func (g *Generator) mixed(l, r rule.Node) bool {
	return g.Dialect.Mixed(number{kind: l.Kind(), scale: rule.ScaleOf(l)}, number{kind: r.Kind(), scale: rule.ScaleOf(r)})
}

// nullOrFail compares an operand that may be missing with one that may fail.
func (g *Generator) nullOrFail(op rule.Op, missing, failing rule.Node, sc *scope) string {
	x := g.value(failing, sc)
	failed := "(" + x + " IS NULL AND NULL)"
	if op == rule.Ne {
		failed = "(NOT " + failed + ")"
	}
	return "CASE WHEN " + g.value(missing, sc) + " IS NULL THEN " + failed +
		" ELSE " + g.operator(sqlOp(op), missing, failing, sc) + " END"
}

// mixedEquality compares numbers of different kinds, at least one of which may be missing; neither can fail.
func (g *Generator) mixedEquality(op rule.Op, l, r rule.Node, sc *scope) string {
	a, b := g.value(l, sc), g.value(r, sc)
	equal := "coalesce(" + g.operator("=", l, r, sc) + ", " + a + " IS NULL AND " + b + " IS NULL)"
	if op == rule.Ne {
		return "(NOT " + equal + ")"
	}
	return equal
}

// equality writes == and !=, which answer where an operand is missing and fail where one fails. An operand that can do
// both does not come here.
func (g *Generator) equality(op rule.Op, l, r rule.Node, sc *scope, m logic) string {
	if sql, ok := g.uuidEquality(op, l, r, sc, m); ok {
		return sql
	}
	missL, missR := mayBeNull(l), mayBeNull(r)
	switch {
	case l.Kind() == value.JSON || r.Kind() == value.JSON: // is compared with null alone, and = does not know it
	case !missL && !missR, m == admit && op == rule.Eq && missL != missR:
		return g.operator(sqlOp(op), l, r, sc)
	case missL && canFail(r):
		return g.nullOrFail(op, l, r, sc)
	case missR && canFail(l):
		return g.nullOrFail(op, r, l, sc)
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
