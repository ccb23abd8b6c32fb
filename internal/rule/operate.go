package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
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

// notAValue reports a text literal outside the values of an enum or of auth.kind.
func (c *compiler) notAValue(expr ast.Expr, of, literal Node) bool {
	lit, isConst := literal.(*Const)
	if !isConst || lit.Value.Kind != value.Text {
		return false
	}
	name, values := valuesOf(of)
	if values == nil || slices.Contains(values, lit.Value.Text) {
		return false
	}
	c.failf(expr, "%q is no value of %s%s", lit.Value.Text, name, suggestOrList(lit.Value.Text, values))
	return true
}

// valuesOf returns the possible texts of a node, nil if any text is possible.
func valuesOf(node Node) (name string, values []string) {
	switch n := node.(type) {
	case *Column:
		if n.Field.Type != model.Enum {
			return "", nil
		}
		for _, member := range n.Field.Values {
			values = append(values, member.Name)
		}
		return n.Field.Name, values
	case *Auth:
		if n.Attr == AuthKind {
			return "auth.kind", caller.Kinds()
		}
	}
	return "", nil
}

// maxListed is the largest number of names in a message.
const maxListed = 10

// suggestOrList returns the name that was probably meant, or a short list of all names.
func suggestOrList(name string, names []string) string {
	if meant := suggest.DidYouMean(name, names); meant != "" || len(names) > maxListed {
		return meant
	}
	return ": it is one of " + strings.Join(names, ", ")
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

// Rounded is X, a number without a row, as a decimal of a scale. Rounding keeps the result of the comparison: for an
// x with two digits, x < 1.005 becomes x < 1.01. No decimal equals ±value.MaxDecimal.
type Rounded struct {
	X     Node
	Scale uint8
	Round Round
}

// Round is the direction in which Rounded rounds.
type Round uint8

const (
	Exact Round = iota // to MaxDecimal, unequal to all decimals
	Down
	Up
)

func roundFor(op Op) Round {
	switch op {
	case Lt, Ge:
		return Up // x < y is x < ceil(y) for a whole x
	case Le, Gt:
		return Down
	default:
		return Exact
	}
}

// in compiles x in [a, b] and x in auth.roles.
func (c *compiler) in(expr, operand, list ast.Expr) Node {
	if list.Kind() != ast.ListKind {
		return c.inList(operand, list)
	}
	left := c.node(operand)
	if left == nil || c.isRowValue(operand, left) {
		return nil
	}
	in := &In{}
	for _, item := range list.AsList().Elements() {
		node := c.inItem(expr, operand, &left, item)
		if node == nil {
			return nil
		}
		in.Items = append(in.Items, node)
	}
	if arg, ok := left.(*Arg); ok && arg.Type == value.Null {
		c.failf(operand, "cannot tell the type of arg.%s: compare it with a field", arg.Name)
		return nil
	}
	if !comparable(left.Kind()) {
		c.failf(operand, "%s can only be compared with null", kindName(left.Kind()))
		return nil
	}
	in.X = left
	return in
}

// inItem compiles one item of a list and gives it the kind of the left operand.
func (c *compiler) inItem(expr, operand ast.Expr, left *Node, item ast.Expr) Node {
	node := c.node(item)
	if node == nil {
		return nil
	}
	node = c.coerce(item, node, (*left).Kind(), ScaleOf(*left))
	if node == nil {
		return nil
	}
	if *left = c.coerce(operand, *left, node.Kind(), ScaleOf(node)); *left == nil {
		return nil
	}
	_, column := node.(*Column)
	kind, lk := node.Kind(), (*left).Kind()
	switch {
	case c.isRowValue(item, node):
	case !column && !rowIndependent(node):
		c.failf(item, "an item of a list is a literal, a field, or something that needs no row")
	case kind != value.Null && lk != value.Null && !sameKind(kind, lk):
		c.failf(item, "%s is never %s", kindName(lk), kindName(kind))
	case !comparable(kind):
		c.failf(item, "%s can only be compared with null", kindName(kind))
	case c.notAValue(expr, *left, node) || c.notAValue(expr, node, *left):
	default:
		if lk == value.Decimal && rowIndependent(node) && !rowIndependent(*left) && numeric(kind) {
			return &Rounded{X: node, Scale: ScaleOf(*left), Round: Exact}
		}
		return node
	}
	return nil
}

func (c *compiler) inList(operand, list ast.Expr) Node {
	left := c.node(list)
	node := c.withKind(operand, value.Text, 0)
	switch {
	case left == nil || node == nil || c.isRowValue(operand, node) || c.isRowValue(list, left):
		return nil
	case left.Kind() != value.List:
		c.failf(list, "must be a list, as in status in ['open', 'done'] or 'editor' in auth.roles")
		return nil
	case node.Kind() != value.Text && node.Kind() != value.Null:
		c.failf(operand, "%s holds text, never %s", Format(left), kindName(node.Kind()))
		return nil
	case isAuth(left, AuthRoles) && c.notARole(operand, node), isAuth(left, AuthMethods) && c.notAMethod(operand, node):
		return nil
	}
	return &InList{node, left}
}

func isAuth(node Node, attr Attr) bool {
	auth, ok := node.(*Auth)
	return ok && auth.Attr == attr
}

// notAMethod reports a text that is compared with auth.methods and is no way to sign in.
func (c *compiler) notAMethod(expr ast.Expr, node Node) bool {
	switch n := node.(type) {
	case *Const:
		methods := caller.Methods()
		if n.Value.Kind != value.Text || slices.Contains(methods, n.Value.Text) {
			return false
		}
		c.failf(expr, "%q is no value of auth.methods%s", n.Value.Text, suggestOrList(n.Value.Text, methods))
		return true
	case *If:
		return c.notAMethod(expr, n.Then) || c.notAMethod(expr, n.Else)
	}
	return false
}

// notARole reports a text that is compared with auth.roles and is no role of the model. The condition would never
// hold.
func (c *compiler) notARole(expr ast.Expr, node Node) bool {
	if c.Roles == nil {
		return false
	}
	switch n := node.(type) {
	case *Const:
		if n.Value.Kind != value.Text || slices.Contains(c.Roles, n.Value.Text) {
			return false
		}
		if len(c.Roles) == 0 {
			c.failf(expr, "the model declares no roles: add `roles: [%s]` at its top", n.Value.Text)
		} else {
			c.failf(expr, "the model declares no role %s%s", n.Value.Text, suggestOrList(n.Value.Text, c.Roles))
		}
		return true
	case *If:
		return c.notARole(expr, n.Then) || c.notARole(expr, n.Else)
	}
	name, values := valuesOf(node)
	if values == nil || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(c.Roles, v) }) {
		return false
	}
	c.failf(expr, "no value of %s is a role that the model declares", name)
	return true
}

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

// roundedArg gives an argument the scale of its neighbour. The digits of the argument are unknown until the request
// comes.
func roundedArg(node Node, scale uint8) Node {
	if arg, ok := node.(*Arg); ok {
		return &Rounded{X: arg, Scale: scale, Round: Exact}
	}
	return node
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
