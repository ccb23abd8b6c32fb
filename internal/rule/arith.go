package rule

import (
	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/value"
)

func (c *compiler) negate(expr, operand ast.Expr) Node {
	node := c.node(operand)
	if node == nil {
		return nil
	}
	switch node.Kind() {
	case value.Int, value.Float, value.Decimal:
		return &Neg{node}
	}
	if !c.isRowValue(operand, node) {
		c.failf(expr, "%s cannot be negated", kindName(node.Kind()))
	}
	return nil
}

func (c *compiler) arith(expr ast.Expr, op byte, leftExpr, rightExpr ast.Expr) Node {
	left, right := c.arithPair(op, leftExpr, rightExpr)
	if left == nil || right == nil {
		return nil
	}
	if c.isRowValue(leftExpr, left) || c.isRowValue(rightExpr, right) {
		return nil
	}
	as, ok := resultOf(op, left.Kind(), right.Kind())
	if !ok {
		c.failf(expr, "%s %c %s does not exist%s", kindName(left.Kind()), op, kindName(right.Kind()), c.hint(op, left, right))
		return nil
	}
	if as == value.Text {
		return &Call{Func: Concat, Args: []Node{left, right}}
	}
	if as == value.Decimal {
		left, right = roundedArg(left, ScaleOf(right)), roundedArg(right, ScaleOf(left))
	}
	return &Arith{op, left, right, as}
}

// arithPair compiles the operands. An argument next to a timestamp is a duration: nothing else can be added to it.
func (c *compiler) arithPair(op byte, leftExpr, rightExpr ast.Expr) (Node, Node) {
	left, right := c.node(leftExpr), c.node(rightExpr)
	if left == nil || right == nil {
		return nil, nil
	}
	expect := func(other Node) value.Kind {
		if other.Kind() == value.Timestamp && op == '+' {
			return value.Duration
		}
		return other.Kind()
	}
	left = c.coerce(leftExpr, left, expect(right), ScaleOf(right))
	if left == nil {
		return nil, nil
	}
	return left, c.coerce(rightExpr, right, expect(left), ScaleOf(left))
}

// resultOf returns the kind of the result of an operation, and whether the operation exists.
func resultOf(op byte, l, r value.Kind) (value.Kind, bool) {
	switch {
	case l == value.Int && r == value.Int:
		return value.Int, true
	case l == value.Float && r == value.Float:
		return value.Float, op != '%'
	case l == value.Decimal && r == value.Decimal:
		return value.Decimal, op == '+' || op == '-'
	case l == value.Text && r == value.Text:
		return value.Text, op == '+'
	case l == value.Timestamp && r == value.Timestamp:
		return value.Duration, op == '-'
	case l == value.Timestamp && r == value.Duration:
		return value.Timestamp, op == '+' || op == '-'
	case l == value.Duration && r == value.Timestamp:
		return value.Timestamp, op == '+'
	case l == value.Duration && r == value.Duration:
		return value.Duration, op == '+' || op == '-'
	}
	return 0, false
}

// hint returns the replacement for an operation that does not exist, "" if there is none.
func (c *compiler) hint(op byte, left, right Node) string {
	lk, rk := left.Kind(), right.Kind()
	switch has := func(kind value.Kind) bool { return lk == kind || rk == kind }; {
	case numeric(lk) && numeric(rk):
		return c.numbersHint(op, left, right)
	case op == '+' && has(value.Text):
		return ": there are no conversions, and + joins text with text alone"
	case has(value.Date):
		return ": a date can only be compared, as with date('2026-01-31')"
	case has(value.Timestamp) && (numeric(lk) || numeric(rk)):
		return ": write a length of time as duration('36h')"
	case has(value.Timestamp) && op == '+':
		return ": a timestamp is added to a duration, such as duration('36h')"
	}
	return ""
}

// numbersHint is hint for two numbers. The proposed operation must exist: there is no multiplication of decimals, and
// a field never changes its type.
func (c *compiler) numbersHint(op byte, left, right Node) string {
	lk, rk := left.Kind(), right.Kind()
	decimal := lk == value.Decimal || rk == value.Decimal
	lit, isConst := left.(*Const)
	if !isConst {
		lit, isConst = right.(*Const)
	}
	switch {
	case decimal && op != '+' && op != '-':
		if c.Client {
			return ": decimals can only be added, subtracted and compared"
		}
		return ": decimals can only be added, subtracted and compared; let a view compute it, as in sum(qty * price)"
	case op == '%':
		return ": % is for two ints"
	case isConst && lit.Literal != "" && lit.Value.Kind == value.Int && lk != rk && !decimal:
		return ": write " + lit.Literal + ".0"
	case isConst && lit.Literal != "" && lk != rk && !decimal:
		return ": an int is computed with ints, so write a whole number"
	}
	return ": both must be of one type, and there are no conversions"
}
