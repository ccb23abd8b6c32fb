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

func (c *compiler) compare(e ast.Expr, op Op, l, r ast.Expr) Node {
	left, right := c.pair(l, r)
	if left == nil || right == nil {
		return nil
	}
	if op == Eq || op == Ne {
		return c.equality(e, op, l, r, left, right)
	}
	if c.isRowValue(l, left) || c.isRowValue(r, right) {
		return nil
	}
	if !ordered(left.Kind()) || !ordered(right.Kind()) || !sameKind(left.Kind(), right.Kind()) {
		c.failf(e, "%s and %s cannot be compared in order%s", kindName(left.Kind()), kindName(right.Kind()), timeConstant(left, right))
		return nil
	}
	return compareNodes(op, left, right)
}

func ordered(k value.Kind) bool {
	switch k {
	case value.Null, value.JSON, value.List:
		return false
	}
	return true
}

func (c *compiler) equality(e ast.Expr, op Op, l, r ast.Expr, left, right Node) Node {
	null := left.Kind() == value.Null || right.Kind() == value.Null
	switch {
	case !null && (c.isRowValue(l, left) || c.isRowValue(r, right)):
		return nil
	case !null && (!comparable(left.Kind()) || !comparable(right.Kind())):
		c.failf(e, "%s can only be compared with null%s", kindName(incomparable(left, right)), inList(incomparable(left, right)))
		return nil
	case !null && !sameKind(left.Kind(), right.Kind()):
		c.failf(e, "%s and %s are never equal%s", kindName(left.Kind()), kindName(right.Kind()), timeConstant(left, right))
		return nil
	}
	if c.notAValue(e, left, right) || c.notAValue(e, right, left) {
		return nil
	}
	return compareNodes(op, rowID(left), rowID(right))
}

// timeConstant says how a constant of time is written where a text stands beside a date or timestamp, "" elsewhere.
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

// inList says how a list is asked, "" for another kind.
func inList(k value.Kind) string {
	if k == value.List {
		return ": ask with in, as in 'editor' in auth.roles"
	}
	return ""
}

func comparable(k value.Kind) bool { return k != value.JSON && k != value.List }

func incomparable(l, r Node) value.Kind {
	if !comparable(l.Kind()) {
		return l.Kind()
	}
	return r.Kind()
}

// rowID is what stands for a row that is compared with null: its key.
func rowID(n Node) Node {
	if row, ok := n.(*rowValue); ok {
		return row.id
	}
	return n
}

// notAValue reports a text literal that is none of the values of what it is compared with: an enum, or auth.kind.
func (c *compiler) notAValue(e ast.Expr, of, literal Node) bool {
	lit, isConst := literal.(*Const)
	if !isConst || lit.Value.Kind != value.Text {
		return false
	}
	name, values := valuesOf(of)
	if values == nil || slices.Contains(values, lit.Value.Text) {
		return false
	}
	c.failf(e, "%q is no value of %s%s", lit.Value.Text, name, meantOrAll(lit.Value.Text, values))
	return true
}

// valuesOf are the texts that a node can be, nil where it can be any.
func valuesOf(n Node) (name string, values []string) {
	switch n := n.(type) {
	case *Column:
		if n.Field.Type != model.Enum {
			return "", nil
		}
		for _, v := range n.Field.Values {
			values = append(values, v.Name)
		}
		return n.Field.Name, values
	case *Auth:
		if n.Attr == AuthKind {
			return "auth.kind", caller.Kinds()
		}
	}
	return "", nil
}

// maxListed is how many names a message lists.
const maxListed = 10

// meantOrAll says which of the names was probably meant, or all of them where they are few.
func meantOrAll(name string, names []string) string {
	if meant := suggest.DidYouMean(name, names); meant != "" || len(names) > maxListed {
		return meant
	}
	return ": it is one of " + strings.Join(names, ", ")
}

// compareNodes makes a comparison. Where a decimal of the row meets a number that needs no row, that number is brought
// to the decimal's scale before the statement runs, so that the database compares integers and can use an index.
func compareNodes(op Op, l, r Node) Node {
	if l.Kind() == value.Decimal && !needsNoRow(l) && numeric(r.Kind()) && needsNoRow(r) {
		r = &Converted{X: r, Scale: ScaleOf(l), Round: roundFor(op)}
	} else if r.Kind() == value.Decimal && !needsNoRow(r) && numeric(l.Kind()) && needsNoRow(l) {
		l = &Converted{X: l, Scale: ScaleOf(r), Round: roundFor(op.mirrored())}
	}
	return &Compare{op, l, r}
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

// Converted is X, which needs no row, as a decimal of a scale, so rounded that comparing with the result is comparing
// with X: where X has more digits, x < 1.005 is x < 1.01 for an x of two. A result of ±value.MaxDecimal equals no decimal.
type Converted struct {
	X     Node
	Scale uint8
	Round Round
}

// Round is how Converted deals with digits that do not fit.
type Round uint8

const (
	Exact Round = iota // to MaxDecimal, which equals nothing
	Down
	Up
)

func roundFor(op Op) Round {
	switch op {
	case Lt, Ge:
		return Up // x < y is x < ceil(y) where x is whole
	case Le, Gt:
		return Down
	default:
		return Exact
	}
}

// in compiles x in [a, b] and x in auth.roles.
func (c *compiler) in(e, x, list ast.Expr) Node {
	if list.Kind() != ast.ListKind {
		return c.inList(x, list)
	}
	left := c.node(x)
	if left == nil || c.isRowValue(x, left) {
		return nil
	}
	in := &In{}
	for _, item := range list.AsList().Elements() {
		n := c.inItem(e, x, &left, item)
		if n == nil {
			return nil
		}
		in.Items = append(in.Items, n)
	}
	if a, ok := left.(*Arg); ok && a.Type == value.Null {
		c.failf(x, "cannot tell the type of arg.%s: compare it with a field", a.Name)
		return nil
	}
	if !comparable(left.Kind()) {
		c.failf(x, "%s can only be compared with null", kindName(left.Kind()))
		return nil
	}
	in.X = left
	return in
}

// inItem compiles one item of a list, in step with what is looked for.
func (c *compiler) inItem(e, x ast.Expr, left *Node, item ast.Expr) Node {
	n := c.node(item)
	if n == nil {
		return nil
	}
	n = c.adapt(item, n, (*left).Kind(), ScaleOf(*left))
	if n == nil {
		return nil
	}
	if *left = c.adapt(x, *left, n.Kind(), ScaleOf(n)); *left == nil {
		return nil
	}
	_, column := n.(*Column)
	k, lk := n.Kind(), (*left).Kind()
	switch {
	case c.isRowValue(item, n):
	case !column && !needsNoRow(n):
		c.failf(item, "an item of a list is a literal, a field, or something that needs no row")
	case k != value.Null && lk != value.Null && !sameKind(k, lk):
		c.failf(item, "%s is never %s", kindName(lk), kindName(k))
	case !comparable(k):
		c.failf(item, "%s can only be compared with null", kindName(k))
	case c.notAValue(e, *left, n) || c.notAValue(e, n, *left):
	default:
		if lk == value.Decimal && needsNoRow(n) && !needsNoRow(*left) && numeric(k) {
			return &Converted{X: n, Scale: ScaleOf(*left), Round: Exact}
		}
		return n
	}
	return nil
}

func (c *compiler) inList(x, list ast.Expr) Node {
	l := c.node(list)
	n := c.known(x, value.Text, 0)
	switch {
	case l == nil || n == nil || c.isRowValue(x, n) || c.isRowValue(list, l):
		return nil
	case l.Kind() != value.List:
		c.failf(list, "must be a list, as in status in ['open', 'done'] or 'editor' in auth.roles")
		return nil
	case n.Kind() != value.Text && n.Kind() != value.Null:
		c.failf(x, "auth.roles holds text, never %s", kindName(n.Kind()))
		return nil
	case c.notARole(x, n):
		return nil
	}
	return &InList{n, l}
}

// notARole reports what is looked for in auth.roles and can be none of the roles that the model declares: nobody would
// ever pass.
func (c *compiler) notARole(e ast.Expr, n Node) bool {
	if c.Roles == nil {
		return false
	}
	switch n := n.(type) {
	case *Const:
		if n.Value.Kind != value.Text || slices.Contains(c.Roles, n.Value.Text) {
			return false
		}
		if len(c.Roles) == 0 {
			c.failf(e, "the model declares no roles: add `roles: [%s]` at its top", n.Value.Text)
		} else {
			c.failf(e, "the model declares no role %s%s", n.Value.Text, meantOrAll(n.Value.Text, c.Roles))
		}
		return true
	case *If:
		return c.notARole(e, n.Then) || c.notARole(e, n.Else)
	}
	name, values := valuesOf(n)
	if values == nil || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(c.Roles, v) }) {
		return false
	}
	c.failf(e, "no value of %s is a role that the model declares", name)
	return true
}

func (c *compiler) negate(e, x ast.Expr) Node {
	n := c.node(x)
	if n == nil {
		return nil
	}
	switch n.Kind() {
	case value.Int, value.Float, value.Decimal:
		return &Neg{n}
	}
	if !c.isRowValue(x, n) {
		c.failf(e, "%s cannot be negated", kindName(n.Kind()))
	}
	return nil
}

func (c *compiler) arith(e ast.Expr, op byte, l, r ast.Expr) Node {
	left, right := c.arithPair(op, l, r)
	if left == nil || right == nil {
		return nil
	}
	if c.isRowValue(l, left) || c.isRowValue(r, right) {
		return nil
	}
	as, ok := resultOf(op, left.Kind(), right.Kind())
	if !ok {
		c.failf(e, "%s %c %s does not exist%s", kindName(left.Kind()), op, kindName(right.Kind()), c.hint(op, left, right))
		return nil
	}
	if as == value.Text {
		return &Call{Func: Concat, Args: []Node{left, right}}
	}
	if as == value.Decimal {
		left, right = fixed(left, ScaleOf(right)), fixed(right, ScaleOf(left))
	}
	return &Arith{op, left, right, as}
}

// arithPair compiles the operands; an argument that meets a timestamp is a duration, since that is all that can be added.
func (c *compiler) arithPair(op byte, l, r ast.Expr) (Node, Node) {
	left, right := c.node(l), c.node(r)
	if left == nil || right == nil {
		return nil, nil
	}
	expect := func(other Node) value.Kind {
		if other.Kind() == value.Timestamp && op == '+' {
			return value.Duration
		}
		return other.Kind()
	}
	left = c.adapt(l, left, expect(right), ScaleOf(right))
	if left == nil {
		return nil, nil
	}
	return left, c.adapt(r, right, expect(left), ScaleOf(left))
}

// fixed gives an argument, whose digits are only known when the request comes, the scale of its neighbour.
func fixed(n Node, scale uint8) Node {
	if a, ok := n.(*Arg); ok {
		return &Converted{X: a, Scale: scale, Round: Exact}
	}
	return n
}

// resultOf says of which kind the result of an operation is, and whether the operation exists.
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

// hint says what to write instead of an operation that does not exist, "" where nothing does it.
func (c *compiler) hint(op byte, l, r Node) string {
	lk, rk := l.Kind(), r.Kind()
	switch has := func(k value.Kind) bool { return lk == k || rk == k }; {
	case numeric(lk) && numeric(rk):
		return c.numbersHint(op, l, r)
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

// numbersHint is hint for two numbers. What a hint proposes must exist: a decimal is never multiplied, whatever literal
// stands beside it, and a field never changes its type.
func (c *compiler) numbersHint(op byte, l, r Node) string {
	lk, rk := l.Kind(), r.Kind()
	decimal := lk == value.Decimal || rk == value.Decimal
	lit, isConst := l.(*Const)
	if !isConst {
		lit, isConst = r.(*Const)
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
