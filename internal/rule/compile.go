package rule

import (
	"fmt"

	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Scope says what an expression may name and how large it may be.
type Scope struct {
	Row    *Row   // the row that bare names are fields of; nil where there is none (a default)
	Old    *Row   // what old names, or nil
	Args   bool   // arg.* exists
	Client bool   // written by a client: secret fields do not exist
	Limits Limits // the zero value is ModelLimits

	Roles   []string     // that the model declares; nil: any text may be a role
	Default *model.Field // the field that the expression is the default of, or nil
}

// Limits bound an expression.
type Limits struct {
	Bytes     int
	Nodes     int
	Levels    int // of nesting
	Relations int // steps from row to row, counted along one path through all macros around it
	Macros    int // nested
}

var (
	// RequestLimits bound the expressions of clients.
	RequestLimits = Limits{Bytes: apilimit.FilterBytes, Nodes: 200, Levels: 32, Relations: 5, Macros: 3}
	// ModelLimits bound the expressions of a model file.
	ModelLimits = Limits{Bytes: 16384, Nodes: 1000, Levels: 64, Relations: 10, Macros: 5}
)

// Problem is one thing wrong with an expression.
type Problem struct {
	Offset  int // in code points, from 0; or Elsewhere
	Message string
}

// Elsewhere is the offset of a problem that only follows from a fault in the declaration of a field: it is not told again.
const Elsewhere = -1

// Compile compiles a condition: an expression that is true or false.
func Compile(text string, scope Scope) (Node, []*Arg, []Problem) {
	c, root := parse(text, scope)
	if len(c.problems) > 0 {
		return nil, nil, c.problems
	}
	node := c.boolean(root)
	c.checkArgs()
	if len(c.problems) > 0 {
		return nil, nil, c.problems
	}
	return node, c.args, nil
}

// CompileDefault compiles the default of a field: an expression of the field's kind about the caller and the time. roles
// are those that the model declares.
func CompileDefault(text string, f *model.Field, roles []string) (Node, []Problem) {
	c, root := parse(text, Scope{Roles: roles, Default: f})
	if len(c.problems) > 0 {
		if advice := unquoted(f, text); advice != "" {
			return nil, []Problem{{0, advice}}
		}
		return nil, c.problems
	}
	node := c.known(root, kindOf(f), uint8(f.Scale))
	if node != nil && node.Kind() != value.Null && !sameKind(node.Kind(), kindOf(f)) {
		c.failf(root, "the default of %s must be %s, not %s", f.Name, kindName(kindOf(f)), kindName(node.Kind()))
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return node, nil
}

// compiler walks one parsed expression. A method that meets a fault records it and returns a nil Node; its callers then
// return nil too, so that one fault is told once.
type compiler struct {
	Scope
	text     []rune
	info     *ast.SourceInfo
	problems []Problem
	args     []*Arg
	seen     map[string]*Arg
	firstUse map[string]ast.Expr
	items    []item // the macros around the place of the walk, outermost first
	nodes    int
	level    int
}

// item is the variable of a macro.
type item struct {
	name string
	row  *Row
	from int // relation steps up to it
}

// failf records a fault at e.
func (c *compiler) failf(e ast.Expr, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.at(e), fmt.Sprintf(format, args...)})
}

// checkArgs reports the arguments whose kind nothing told.
func (c *compiler) checkArgs() {
	for _, a := range c.args {
		if a.Type == value.Null {
			c.failf(c.firstUse[a.Name], "cannot tell the type of arg.%s: compare it with a field", a.Name)
		}
	}
}

// enter counts a node and a level; leave undoes the level.
func (c *compiler) enter(e ast.Expr) bool {
	c.nodes++
	c.level++
	switch {
	case c.nodes == c.Limits.Nodes+1:
		c.failf(e, "the expression has more than %d nodes", c.Limits.Nodes)
		return false
	case c.nodes > c.Limits.Nodes:
		return false
	case c.level > c.Limits.Levels:
		c.failf(e, "the expression is nested more than %d levels deep", c.Limits.Levels)
		return false
	}
	return true
}

func (c *compiler) leave() { c.level-- }

// place is what a name leads to before it is a value: a row, or rows.
type place struct {
	path  Path
	steps int             // relation steps so far, through all macros around
	many  *model.Relation // the to-many relation that ends it, or nil
}

// node compiles an expression that must be a value.
func (c *compiler) node(e ast.Expr) Node {
	if !c.enter(e) {
		return nil
	}
	defer c.leave()
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e)
	case ast.IdentKind, ast.SelectKind:
		return c.name(e)
	case ast.CallKind:
		return c.call(e)
	case ast.ListKind:
		c.failf(e, "a list can only stand to the right of `in`")
	case ast.MapKind, ast.StructKind:
		c.failf(e, "maps and messages do not exist in expressions")
	default:
		c.failf(e, "this form does not exist in expressions")
	}
	return nil
}

// boolean compiles an expression that must be a condition.
func (c *compiler) boolean(e ast.Expr) Node {
	n := c.known(e, value.Bool, 0)
	if n != nil && c.isRowValue(e, n) {
		return nil
	}
	if n != nil && n.Kind() != value.Bool {
		c.failf(e, "must be a condition (true or false), not %s", kindName(n.Kind()))
		return nil
	}
	return n
}

// known compiles an expression and gives it, where it is an argument of no kind yet, the kind that is expected.
func (c *compiler) known(e ast.Expr, kind value.Kind, scale uint8) Node {
	n := c.node(e)
	if n == nil {
		return nil
	}
	return c.adapt(e, n, kind, scale)
}

// adapt gives n the kind of what it meets, where n can still choose: an argument without a kind, a number literal that
// meets a decimal, a text literal that meets nothing else.
func (c *compiler) adapt(e ast.Expr, n Node, kind value.Kind, scale uint8) Node {
	switch n := n.(type) {
	case *Arg:
		if n.Type == value.Null && kind != value.Null {
			if kind == value.JSON || kind == value.List {
				c.failf(e, "an argument cannot be compared with %s", kindName(kind))
				return nil
			}
			n.Type, n.Scale = kind, scale
		}
	case *Const:
		if kind == value.Decimal && n.Literal != "" {
			return c.decimalLiteral(e, n)
		}
	}
	return n
}

// decimalLiteral reads a number literal exactly as it was written.
func (c *compiler) decimalLiteral(e ast.Expr, n *Const) Node {
	unscaled, scale, err := value.ParseDecimal(n.Literal)
	if err != nil {
		c.failf(e, "%s is no decimal of at most 18 digits, written without an exponent", n.Literal)
		return nil
	}
	return &Const{Value: value.OfDecimal(unscaled, scale), Literal: n.Literal}
}

func (c *compiler) arg(e ast.Expr, name string) Node {
	if !c.Args {
		c.failf(e, "arg exists only in a request's filter")
		return nil
	}
	if a := c.seen[name]; a != nil {
		return a
	}
	a := &Arg{Name: name}
	c.seen[name], c.firstUse[name] = a, e
	c.args = append(c.args, a)
	return a
}

func sameKind(a, b value.Kind) bool { return a == b || numeric(a) && numeric(b) }

func numeric(k value.Kind) bool {
	return k == value.Int || k == value.Float || k == value.Decimal
}

// kindName is a kind with its article, for messages.
func kindName(k value.Kind) string {
	switch k {
	case value.Null:
		return "null"
	case value.Int:
		return "an int"
	case value.JSON:
		return "json"
	case value.Text:
		return "text"
	default:
		return "a " + k.String()
	}
}
