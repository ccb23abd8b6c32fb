package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// compare writes a comparison.
func (g *Generator) compare(op rule.Op, left, right rule.Node, sc *scope, want logic) string {
	if op != rule.Eq && op != rule.Ne {
		return g.operator(op.String(), left, right, sc)
	}
	// ?: with a branch that may be missing can also fail. Inside a branch only one of the two is possible.
	if c, ok := left.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string { return g.compareBranch(op, b, right, sc, want) }) + ")"
	}
	if c, ok := right.(*rule.If); ok && mayBeNull(c) {
		return "(" + g.caseOf(c, sc, func(b rule.Node) string { return g.compareBranch(op, left, b, sc, want) }) + ")"
	}
	return g.equality(op, left, right, sc, want)
}

// compareBranch compares when one side is a branch of ?:. The branch may have become a failure or null.
func (g *Generator) compareBranch(op rule.Op, left, right rule.Node, sc *scope, want logic) string {
	folded := rule.Folder{}.Fold(&rule.Compare{Op: op, L: left, R: right})
	if c, ok := folded.(*rule.Compare); ok {
		return g.limitText(g.compare(c.Op, c.L, c.R, sc, want))
	}
	return g.cond(folded, sc, want)
}

// operator writes an operator that is NULL if an operand is.
func (g *Generator) operator(op string, left, right rule.Node, sc *scope) string {
	if left.Kind() == value.Null || right.Kind() == value.Null {
		return g.Dialect.Null(value.Bool)
	}
	if a, b, ok := g.uuidColumns(left, right, sc); ok {
		return "(" + a + " " + op + " " + b + ")"
	}
	if g.mixed(left, right) {
		return g.Dialect.Compare(op, g.number(left, sc), g.number(right, sc))
	}
	return "(" + g.value(left, sc) + " " + op + " " + g.value(right, sc) + ")"
}

// sqlOp returns the SQL operator for a comparison.
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

// mixed reports whether the plain operators compare two numbers wrongly.
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

// mixedEquality compares numbers of different kinds. At least one may be missing, and neither can fail.
func (g *Generator) mixedEquality(op rule.Op, left, right rule.Node, sc *scope) string {
	bothNull := g.value(left, sc) + " IS NULL AND " + g.value(right, sc) + " IS NULL"
	equal := "coalesce(" + g.operator("=", left, right, sc) + ", " + bothNull + ")"
	if op == rule.Ne {
		return "(NOT " + equal + ")"
	}
	return equal
}

// equality writes == and !=. They have an answer if an operand is missing, and fail if one fails. compare handles
// operands that can do both.
func (g *Generator) equality(op rule.Op, left, right rule.Node, sc *scope, want logic) string {
	if sql, ok := g.uuidEquality(op, left, right, sc, want); ok {
		return sql
	}
	leftNull, rightNull := mayBeNull(left), mayBeNull(right)
	switch {
	case left.Kind() == value.JSON || right.Kind() == value.JSON: // only ever compared with null, and has no operator =
	case !leftNull && !rightNull, want == admit && op == rule.Eq && leftNull != rightNull:
		return g.operator(sqlOp(op), left, right, sc)
	case leftNull && canFail(right):
		return g.nullOrFail(op, left, right, sc)
	case rightNull && canFail(left):
		return g.nullOrFail(op, right, left, sc)
	}
	if g.mixed(left, right) && !isNull(left) && !isNull(right) {
		return g.mixedEquality(op, left, right, sc)
	}
	if op == rule.Eq {
		return g.Dialect.Same(g.value(left, sc), g.value(right, sc))
	}
	return g.Dialect.Differs(g.value(left, sc), g.value(right, sc))
}
