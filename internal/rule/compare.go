package rule

import (
	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/value"
)

func (c *compiler) compare(expr ast.Expr, op Op, leftExpr, rightExpr ast.Expr) Node {
	left, right := c.pair(leftExpr, rightExpr)
	if left == nil || right == nil {
		return nil
	}
	if op == Eq || op == Ne {
		return c.equality(expr, op, leftExpr, rightExpr, left, right)
	}
	if c.isRowValue(leftExpr, left) || c.isRowValue(rightExpr, right) {
		return nil
	}
	if !ordered(left.Kind()) || !ordered(right.Kind()) || !sameKind(left.Kind(), right.Kind()) {
		c.failf(expr, "%s and %s cannot be compared in order%s", kindName(left.Kind()), kindName(right.Kind()), timeConstant(left, right))
		return nil
	}
	return compareNodes(op, left, right)
}

func ordered(kind value.Kind) bool {
	switch kind {
	case value.Null, value.JSON, value.List:
		return false
	}
	return true
}

func (c *compiler) equality(expr ast.Expr, op Op, leftExpr, rightExpr ast.Expr, left, right Node) Node {
	null := left.Kind() == value.Null || right.Kind() == value.Null
	switch {
	case !null && (c.isRowValue(leftExpr, left) || c.isRowValue(rightExpr, right)):
		return nil
	case !null && (!comparable(left.Kind()) || !comparable(right.Kind())):
		c.failf(expr, "%s can only be compared with null%s", kindName(incomparable(left, right)), listHint(incomparable(left, right)))
		return nil
	case !null && !sameKind(left.Kind(), right.Kind()):
		c.failf(expr, "%s and %s are never equal%s", kindName(left.Kind()), kindName(right.Kind()), timeConstant(left, right))
		return nil
	}
	if c.notAValue(expr, left, right) || c.notAValue(expr, right, left) {
		return nil
	}
	return compareNodes(op, rowID(left), rowID(right))
}

// timeConstant returns the form of a time constant if a text is compared with a date or timestamp, "" otherwise.
func timeConstant(left, right Node) string {
	other := left.Kind()
	switch {
	case other == value.Text:
		other = right.Kind()
	case right.Kind() != value.Text:
		return ""
	}
	switch other {
	case value.Date:
		return ": write date('2026-01-31')"
	case value.Timestamp:
		return ": write timestamp('2026-01-31T12:00:00Z')"
	}
	return ""
}

// listHint returns a hint on how to query a list, "" for another kind.
func listHint(kind value.Kind) string {
	if kind == value.List {
		return ": ask with in, as in 'editor' in auth.roles"
	}
	return ""
}

func comparable(kind value.Kind) bool { return kind != value.JSON && kind != value.List }

func incomparable(left, right Node) value.Kind {
	if !comparable(left.Kind()) {
		return left.Kind()
	}
	return right.Kind()
}

// rowID returns the key of a row, to compare with null.
func rowID(node Node) Node {
	if row, ok := node.(*rowValue); ok {
		return row.id
	}
	return node
}

// compareNodes makes a comparison. If a decimal of the row meets a number without a row, the number is rounded to the
// decimal's scale before the statement runs. The database then compares integers and can use an index.
func compareNodes(op Op, left, right Node) Node {
	if left.Kind() == value.Decimal && !rowIndependent(left) && numeric(right.Kind()) && rowIndependent(right) {
		right = &Rounded{X: right, Scale: ScaleOf(left), Round: roundFor(op)}
	} else if right.Kind() == value.Decimal && !rowIndependent(right) && numeric(left.Kind()) && rowIndependent(left) {
		left = &Rounded{X: left, Scale: ScaleOf(right), Round: roundFor(op.mirrored())}
	}
	return &Compare{op, left, right}
}

// mirrored is the comparison with its sides swapped.
func (op Op) mirrored() Op {
	switch op {
	case Lt:
		return Gt
	case Le:
		return Ge
	case Gt:
		return Lt
	case Ge:
		return Le
	}
	return op
}
