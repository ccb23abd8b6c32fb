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

// refused are CEL's own functions that cannot run in both databases with one meaning.
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

func (c *compiler) call(e ast.Expr) Node {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if op, ok := comparisons[name]; ok {
		return c.compare(e, op, args[0], args[1])
	}
	if op, ok := arithmetic[name]; ok {
		return c.arith(e, op, args[0], args[1])
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.logic(name, args)
	case operators.LogicalNot:
		if x := c.boolean(args[0]); x != nil {
			return &Not{x}
		}
		return nil
	case operators.Negate:
		return c.negate(e, args[0])
	case operators.Conditional:
		return c.conditional(e, args)
	case operators.In:
		return c.in(e, args[0], args[1])
	case operators.Index:
		c.failf(e, "elements cannot be picked by index: ask with in, exists or size")
		return nil
	}
	if call.IsMemberFunction() {
		if ask, ok := macros[name]; ok {
			return c.many(e, ask, call.Target(), args)
		}
		args = append([]ast.Expr{call.Target()}, args...)
	}
	return c.function(e, name, call.IsMemberFunction(), args)
}

func (c *compiler) logic(op string, args []ast.Expr) Node {
	xs := make([]Node, 0, len(args))
	for _, a := range args {
		if x := c.boolean(a); x != nil {
			xs = append(xs, x)
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

func (c *compiler) function(e ast.Expr, name string, member bool, args []ast.Expr) Node {
	switch name {
	case "has":
		return c.has(e, args)
	case "size":
		return c.size(e, args)
	case "timestamp", "date", "duration":
		return c.constructor(e, name, args)
	}
	fn, ok := functions[name]
	switch {
	case !ok && refused[name] != "":
		c.failf(e, "%s", refused[name])
	case !ok:
		var names []string
		for n := range functions {
			names = append(names, n)
		}
		c.failf(e, "there is no function %s%s", name, suggest.DidYouMean(name, append(names, "exists", "exists_one", "all", "has", "size", "timestamp", "duration", "date")))
	case !member:
		c.failf(e, "write it as text.%s(…)", name)
	case len(args) != fn.args:
		c.failf(e, "%s takes %d arguments", name, fn.args-1)
	default:
		return c.textCall(fn.fn, args)
	}
	return nil
}

func (c *compiler) textCall(fn Func, args []ast.Expr) Node {
	call := &Call{Func: fn}
	for _, a := range args {
		x := c.known(a, value.Text, 0)
		if x != nil && c.isRowValue(a, x) {
			x = nil
		}
		if x != nil && x.Kind() != value.Text {
			c.failf(a, "must be text, not %s%s", kindName(x.Kind()), inList(x.Kind()))
			x = nil
		}
		call.Args = append(call.Args, x)
	}
	for _, x := range call.Args {
		if x == nil {
			return nil
		}
	}
	return call
}

// has compiles has(field), has(path.field) and has(auth.id).
func (c *compiler) has(e ast.Expr, args []ast.Expr) Node {
	if len(args) != 1 || args[0].Kind() != ast.SelectKind && args[0].Kind() != ast.IdentKind {
		c.failf(e, "has takes the name of a field")
		return nil
	}
	switch x := c.node(args[0]).(type) {
	case nil:
		return nil
	case *Column, *Auth:
		return &Has{x}
	case *rowValue:
		return &Has{x.id}
	default:
		c.failf(args[0], "has takes the name of a field")
		return nil
	}
}

// size compiles size(text), size(auth.roles) and size(relation), each also as a method.
func (c *compiler) size(e ast.Expr, args []ast.Expr) Node {
	if len(args) != 1 {
		c.failf(e, "size takes one argument")
		return nil
	}
	before := len(c.problems)
	if at, ok := c.place(args[0]); ok && at.many != nil {
		c.nodes++
		return &Many{Ask: Count, From: at.path, Relation: at.many, Item: &Row{Table: at.many.To, Role: Item}}
	}
	if len(c.problems) > before {
		return nil
	}
	x := c.known(args[0], value.Text, 0)
	if x == nil || c.isRowValue(args[0], x) {
		return nil
	}
	if k := x.Kind(); k != value.Text && k != value.List {
		c.failf(args[0], "size is of text, of a list or of a relation to many rows, not of %s", kindName(k))
		return nil
	}
	return &Call{Func: Size, Args: []Node{x}}
}

// many compiles relation.exists(item, condition) and its like.
func (c *compiler) many(e ast.Expr, ask Quantifier, target ast.Expr, args []ast.Expr) Node {
	before := len(c.problems)
	at, ok := c.place(target)
	if !ok || at.many == nil {
		if len(c.problems) == before {
			c.failf(target, "must be a relation to many rows")
		}
		return nil
	}
	if len(args) != 2 || args[0].Kind() != ast.IdentKind {
		c.failf(e, "takes the name of an item and a condition, as in exists(m, m.role == 'owner')")
		return nil
	}
	name := args[0].AsIdent()
	if _, taken := c.reserved(args[0]); taken {
		c.failf(args[0], "an item cannot be named %s", name)
		return nil
	}
	if len(c.items) == c.Limits.Macros {
		c.failf(e, "macros are nested more than %d deep", c.Limits.Macros)
		return nil
	}
	row := &Row{Table: at.many.To, Role: Item}
	c.items = append(c.items, item{name, row, at.steps})
	body := c.boolean(args[1])
	c.items = c.items[:len(c.items)-1]
	if body == nil {
		return nil
	}
	return &Many{Ask: ask, From: at.path, Relation: at.many, Item: row, Body: body}
}

// conditional compiles c ? a : b, whose branches must be of one kind, or null.
func (c *compiler) conditional(e ast.Expr, args []ast.Expr) Node {
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
			c.failf(e, "the two sides of ? : differ: %s and %s", kindName(then.Kind()), kindName(els.Kind()))
			return nil
		}
	}
	if kind == value.JSON || kind == value.List {
		c.failf(e, "the sides of ? : cannot be lists or json")
		return nil
	}
	if kind == value.Decimal && then.Kind() == els.Kind() && ScaleOf(then) != ScaleOf(els) {
		c.failf(e, "the two sides of ? : have %d and %d digits after the point: they must agree", ScaleOf(then), ScaleOf(els))
		return nil
	}
	return &If{Cond: cond, Then: then, Else: els, As: kind}
}

// pair compiles two operands that tell each other's kind.
func (c *compiler) pair(l, r ast.Expr) (Node, Node) {
	left, right := c.node(l), c.node(r)
	if left == nil || right == nil {
		return nil, nil
	}
	left = c.adapt(l, left, right.Kind(), ScaleOf(right))
	if left == nil {
		return nil, nil
	}
	return left, c.adapt(r, right, left.Kind(), ScaleOf(left))
}

// literal compiles a literal.
func (c *compiler) literal(e ast.Expr) Node {
	switch v := e.AsLiteral().(type) {
	case types.Null:
		return &Const{}
	case types.Bool:
		return &Const{Value: value.OfBool(bool(v))}
	case types.Int:
		return &Const{Value: value.OfInt(int64(v)), Literal: c.numberAt(e)}
	case types.Double:
		f, ok := value.Finite(float64(v))
		if !ok {
			c.failf(e, "the number is too large")
			return nil
		}
		return &Const{Value: value.OfFloat(f), Literal: c.numberAt(e)}
	case types.String:
		for _, r := range string(v) {
			if r == 0 {
				c.failf(e, "U+0000 cannot stand in text")
				return nil
			}
		}
		return &Const{Value: value.OfText(string(v))}
	case types.Uint:
		c.failf(e, "unsigned numbers do not exist here: leave out the u")
	default:
		c.failf(e, "this literal does not exist in expressions")
	}
	return nil
}

// numberAt is the number literal as it was written.
func (c *compiler) numberAt(e ast.Expr) string {
	r, ok := c.info.GetOffsetRange(e.ID())
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
func (c *compiler) constructor(e ast.Expr, name string, args []ast.Expr) Node {
	if len(args) != 1 || args[0].Kind() != ast.LiteralKind {
		c.failf(e, "%s takes one text literal", name)
		return nil
	}
	text, ok := args[0].AsLiteral().(types.String)
	if !ok {
		c.failf(e, "%s takes one text literal", name)
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
