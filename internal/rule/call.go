package rule

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var comparisons = map[string]Op{
	operators.Equals: Eq, operators.NotEquals: Ne,
	operators.Less: Lt, operators.LessEquals: Le, operators.Greater: Gt, operators.GreaterEquals: Ge,
}

var arithmetic = map[string]byte{
	operators.Add: '+', operators.Subtract: '-', operators.Multiply: '*', operators.Divide: '/', operators.Modulo: '%',
}

var functions = map[string]struct {
	fn   Func
	args int // with the receiver
}{
	"contains": {Contains, 2}, "startsWith": {StartsWith, 2}, "endsWith": {EndsWith, 2},
	"lowerAscii": {Lower, 1}, "upperAscii": {Upper, 1},
}

var macros = map[string]Quantifier{"exists": Exists, "all": All, "exists_one": ExistsOne, "existsOne": ExistsOne}

// refused are functions of CEL that cannot run in both databases with one meaning.
var refused = map[string]string{
	"matches": "matches does not exist: the databases' regular expressions differ; use contains, startsWith, endsWith, or a field's pattern",
	"map":     "map does not exist in expressions: ask about related rows with exists, all, exists_one or size",
	"filter":  "filter does not exist in expressions: put the condition into exists(item, …); size counts all rows of a relation alone",
	"string":  "conversions do not exist in expressions", "int": "conversions do not exist in expressions",
	"double": "conversions do not exist in expressions", "uint": "conversions do not exist in expressions",
	"bool": "conversions do not exist in expressions", "bytes": "bytes do not exist in expressions",
	"len": "write size(x) for the length of a text or the number of rows", "length": "write size(x) for the length of a text or the number of rows",
	"count": "write size(x) for the number of rows",
	"lower": "write t.lowerAscii()", "toLowerCase": "write t.lowerAscii()", "upper": "write t.upperAscii()", "toUpperCase": "write t.upperAscii()",
	"not": "write ! for not", "now": "write now without parentheses", "today": "there is no date of today: compare a timestamp with now",
	"type": "type() does not exist in expressions: every field has one type", "dyn": "dyn does not exist in expressions: every field has one type",
}

func (c *compiler) call(expr ast.Expr) Node {
	call := expr.AsCall()
	name, args := call.FunctionName(), call.Args()
	if op, ok := comparisons[name]; ok {
		return c.compare(expr, op, args[0], args[1])
	}
	if op, ok := arithmetic[name]; ok {
		return c.arith(expr, op, args[0], args[1])
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.logic(name, args)
	case operators.LogicalNot:
		if operand := c.boolean(args[0]); operand != nil {
			return &Not{operand}
		}
		return nil
	case operators.Negate:
		return c.negate(expr, args[0])
	case operators.Conditional:
		return c.conditional(expr, args)
	case operators.In:
		return c.in(expr, args[0], args[1])
	case operators.Index:
		c.failf(expr, "elements cannot be picked by index: ask with in, exists or size")
		return nil
	}
	if call.IsMemberFunction() {
		if ask, ok := macros[name]; ok {
			return c.many(expr, ask, call.Target(), args)
		}
		args = append([]ast.Expr{call.Target()}, args...)
	}
	return c.function(expr, name, call.IsMemberFunction(), args)
}

func (c *compiler) logic(op string, args []ast.Expr) Node {
	xs := make([]Node, 0, len(args))
	for _, a := range args {
		if operand := c.boolean(a); operand != nil {
			xs = append(xs, operand)
		}
	}
	if len(xs) < len(args) {
		return nil
	}
	if op == operators.LogicalAnd {
		return &And{xs}
	}
	return &Or{xs}
}

func (c *compiler) function(expr ast.Expr, name string, member bool, args []ast.Expr) Node {
	switch name {
	case "has":
		return c.has(expr, args)
	case "size":
		return c.size(expr, args)
	case "timestamp", "date", "duration":
		return c.constructor(expr, name, args)
	}
	fn, ok := functions[name]
	switch {
	case !ok && refused[name] != "":
		c.failf(expr, "%s", refused[name])
	case !ok:
		var names []string
		for n := range functions {
			names = append(names, n)
		}
		c.failf(expr, "there is no function %s%s", name, suggest.DidYouMean(name, append(names, "exists", "exists_one", "all", "has", "size", "timestamp", "duration", "date")))
	case !member:
		c.failf(expr, "write it as text.%s(…)", name)
	case len(args) != fn.args:
		c.failf(expr, "%s takes %d arguments", name, fn.args-1)
	default:
		return c.textCall(fn.fn, args)
	}
	return nil
}

func (c *compiler) textCall(fn Func, args []ast.Expr) Node {
	call := &Call{Func: fn}
	for _, a := range args {
		operand := c.withKind(a, value.Text, 0)
		if operand != nil && c.isRowValue(a, operand) {
			operand = nil
		}
		if operand != nil && operand.Kind() != value.Text {
			c.failf(a, "must be text, not %s%s", kindName(operand.Kind()), listHint(operand.Kind()))
			operand = nil
		}
		call.Args = append(call.Args, operand)
	}
	for _, operand := range call.Args {
		if operand == nil {
			return nil
		}
	}
	return call
}

// has compiles has(field), has(path.field), has(auth.id) and, of a job, has(arg.name).
func (c *compiler) has(expr ast.Expr, args []ast.Expr) Node {
	if len(args) != 1 || (args[0].Kind() != ast.SelectKind && args[0].Kind() != ast.IdentKind) {
		c.failf(expr, "has takes the name of a field")
		return nil
	}
	switch x := c.node(args[0]).(type) {
	case nil:
		return nil
	case *Column, *Auth:
		return &Has{x}
	case *rowValue:
		return &Has{x.id}
	case *Arg:
		if x.Field == nil {
			c.failf(args[0], "has takes the name of a field")
			return nil
		}
		return &Compare{Op: Ne, L: x, R: &Const{}}
	default:
		c.failf(args[0], "has takes the name of a field")
		return nil
	}
}

// size compiles size(text), size(auth.roles) and size(relation), and their method forms.
func (c *compiler) size(expr ast.Expr, args []ast.Expr) Node {
	if len(args) != 1 {
		c.failf(expr, "size takes one argument")
		return nil
	}
	before := len(c.problems)
	if at, ok := c.target(args[0]); ok && at.many != nil {
		c.nodes++
		return &Quantified{Quantifier: Count, From: at.path, Relation: at.many, Item: &Row{Table: at.many.To, Role: Item}}
	}
	if len(c.problems) > before {
		return nil
	}
	operand := c.withKind(args[0], value.Text, 0)
	if operand == nil || c.isRowValue(args[0], operand) {
		return nil
	}
	if kind := operand.Kind(); kind != value.Text && kind != value.List {
		c.failf(args[0], "size is of text, of a list or of a relation to many rows, not of %s", kindName(kind))
		return nil
	}
	return &Call{Func: Size, Args: []Node{operand}}
}

// many compiles relation.exists(item, condition) and its like.
func (c *compiler) many(expr ast.Expr, ask Quantifier, target ast.Expr, args []ast.Expr) Node {
	before := len(c.problems)
	at, ok := c.target(target)
	if !ok || at.many == nil {
		if len(c.problems) == before {
			c.failf(target, "must be a relation to many rows")
		}
		return nil
	}
	if len(args) != 2 || args[0].Kind() != ast.IdentKind {
		c.failf(expr, "takes the name of an item and a condition, as in exists(m, m.role == 'owner')")
		return nil
	}
	name := args[0].AsIdent()
	if _, taken := c.reservedName(args[0]); taken {
		c.failf(args[0], "an item cannot be named %s", name)
		return nil
	}
	if len(c.items) == c.Limits.Macros {
		c.failf(expr, "macros are nested more than %d deep", c.Limits.Macros)
		return nil
	}
	row := &Row{Table: at.many.To, Role: Item}
	c.items = append(c.items, item{name, row, at.steps})
	body := c.boolean(args[1])
	c.items = c.items[:len(c.items)-1]
	if body == nil {
		return nil
	}
	return &Quantified{Quantifier: ask, From: at.path, Relation: at.many, Item: row, Body: body}
}

// conditional compiles c ? a : b. The two branches have one kind, or one of them is null.
func (c *compiler) conditional(expr ast.Expr, args []ast.Expr) Node {
	cond := c.boolean(args[0])
	then, els := c.pair(args[1], args[2])
	if cond == nil || then == nil || els == nil {
		return nil
	}
	if c.isRowValue(args[1], then) || c.isRowValue(args[2], els) {
		return nil
	}
	kind := then.Kind()
	if kind == value.Null {
		kind = els.Kind()
	}
	for _, b := range []Node{then, els} {
		if b.Kind() != kind && b.Kind() != value.Null {
			c.failf(expr, "the two sides of ? : differ: %s and %s", kindName(then.Kind()), kindName(els.Kind()))
			return nil
		}
	}
	if kind == value.JSON || kind == value.List {
		c.failf(expr, "the sides of ? : cannot be lists or json")
		return nil
	}
	if kind == value.Decimal && then.Kind() == els.Kind() && ScaleOf(then) != ScaleOf(els) {
		c.failf(expr, "the two sides of ? : have %d and %d digits after the point: they must agree", ScaleOf(then), ScaleOf(els))
		return nil
	}
	return &If{Cond: cond, Then: then, Else: els, As: kind}
}

// pair compiles two operands. Each tells the other its kind.
func (c *compiler) pair(leftExpr, rightExpr ast.Expr) (Node, Node) {
	left, right := c.node(leftExpr), c.node(rightExpr)
	if left == nil || right == nil {
		return nil, nil
	}
	left = c.coerce(leftExpr, left, right.Kind(), ScaleOf(right))
	if left == nil {
		return nil, nil
	}
	return left, c.coerce(rightExpr, right, left.Kind(), ScaleOf(left))
}

// literal compiles a literal.
func (c *compiler) literal(expr ast.Expr) Node {
	switch v := expr.AsLiteral().(type) {
	case types.Null:
		return &Const{}
	case types.Bool:
		return &Const{Value: value.OfBool(bool(v))}
	case types.Int:
		return &Const{Value: value.OfInt(int64(v)), Literal: c.numberAt(expr)}
	case types.Double:
		f, ok := value.Finite(float64(v))
		if !ok {
			c.failf(expr, "the number is too large")
			return nil
		}
		return &Const{Value: value.OfFloat(f), Literal: c.numberAt(expr)}
	case types.String:
		for _, r := range string(v) {
			if r == 0 {
				c.failf(expr, "U+0000 cannot stand in text")
				return nil
			}
		}
		return &Const{Value: value.OfText(string(v))}
	case types.Uint:
		c.failf(expr, "unsigned numbers do not exist here: leave out the u")
	default:
		c.failf(expr, "this literal does not exist in expressions")
	}
	return nil
}

// numberAt returns the source text of a number literal.
func (c *compiler) numberAt(expr ast.Expr) string {
	r, ok := c.info.GetOffsetRange(expr.ID())
	if !ok {
		return ""
	}
	end := int(r.Start)
	for end < len(c.text) {
		switch ch := c.text[end]; {
		case ch >= '0' && ch <= '9', ch == '.', ch == '-' && end == int(r.Start),
			ch == 'e', ch == 'E', ch == 'x', ch >= 'a' && ch <= 'f', ch >= 'A' && ch <= 'F':
			end++
		default:
			return string(c.text[r.Start:end])
		}
	}
	return string(c.text[r.Start:end])
}

// constructor compiles timestamp('…'), date('…') and duration('…').
func (c *compiler) constructor(expr ast.Expr, name string, args []ast.Expr) Node {
	if len(args) != 1 || args[0].Kind() != ast.LiteralKind {
		c.failf(expr, "%s takes one text literal", name)
		return nil
	}
	text, ok := args[0].AsLiteral().(types.String)
	if !ok {
		c.failf(expr, "%s takes one text literal", name)
		return nil
	}
	var v value.Value
	var err error
	switch name {
	case "timestamp":
		v.Kind = value.Timestamp
		v.Int, err = value.ParseTimestamp(string(text))
	case "date":
		v.Kind = value.Date
		v.Text, err = value.ParseDate(string(text))
	case "duration":
		v.Kind = value.Duration
		v.Int, err = value.ParseDuration(string(text))
	}
	if err != nil {
		c.failf(args[0], "%q is no %s: %v", string(text), name, err)
		return nil
	}
	return &Const{Value: v}
}
