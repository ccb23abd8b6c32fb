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

// mixed says whether two numbers need more than the database's own comparison.
func (g *Generator) mixed(l, r rule.Node) bool {
	return g.Dialect.Mixed(number{kind: l.Kind(), scale: rule.ScaleOf(l)}, number{kind: r.Kind(), scale: rule.ScaleOf(r)})
}

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

func isNull(n rule.Node) bool {
	c, ok := n.(*rule.Const)
	return ok && c.Value.IsNull()
}

// mayBeNull says whether n can be missing.
func mayBeNull(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Column:
		return columnMayBeNull(n)
	case *rule.Const:
		return n.Value.IsNull()
	case *rule.If:
		return mayBeNull(n.Then) || mayBeNull(n.Else)
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
		return operandFails(n.X)
	case *rule.And:
		return operandsFail(n.Xs)
	case *rule.Or:
		return operandsFail(n.Xs)
	case *rule.If:
		return operandFails(n.Cond) || canFail(n.Then) || canFail(n.Else)
	case *rule.Compare:
		if n.Op == rule.Eq || n.Op == rule.Ne {
			return canFail(n.L) || canFail(n.R)
		}
		return operandFails(n.L) || operandFails(n.R)
	case *rule.In:
		return canFail(n.X)
	case *rule.InList:
		return canFail(n.X)
	case *rule.Quantified:
		return len(n.From.Steps) > 0 || n.From.Root.Role == rule.Old || n.Body != nil && operandFails(n.Body)
	default: // arithmetic, functions
		return true
	}
}

// operandFails says whether n fails as an operand that must be there.
func operandFails(n rule.Node) bool {
	return mayBeNull(n) || canFail(n)
}

// columnMayBeNull says whether a column can be missing, be it behind a mask or at the end of a path.
func columnMayBeNull(c *rule.Column) bool {
	return c.Field.Optional || len(c.Path.Steps) > 0 || c.Field.Read != nil || c.Path.Root.Role == rule.Old
}

func operandsFail(xs []rule.Node) bool {
	for _, x := range xs {
		if operandFails(x) {
			return true
		}
	}
	return false
}
