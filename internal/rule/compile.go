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
func CompileDefault(text string, field *model.Field, roles []string) (Node, []Problem) {
	c, root := parse(text, Scope{Roles: roles, Default: field})
	if len(c.problems) > 0 {
		if advice := unquoted(field, text); advice != "" {
			return nil, []Problem{{0, advice}}
		}
		return nil, c.problems
	}
	node := c.known(root, kindOf(field), uint8(field.Scale))
	if node != nil && node.Kind() != value.Null && !sameKind(node.Kind(), kindOf(field)) {
		c.failf(root, "the default of %s must be %s, not %s", field.Name, kindName(kindOf(field)), kindName(node.Kind()))
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
func (c *compiler) failf(expr ast.Expr, format string, args ...any) {
	c.problems = append(c.problems, Problem{c.at(expr), fmt.Sprintf(format, args...)})
}

// checkArgs reports the arguments whose kind nothing told.
func (c *compiler) checkArgs() {
	for _, arg := range c.args {
		if arg.Type == value.Null {
			c.failf(c.firstUse[arg.Name], "cannot tell the type of arg.%s: compare it with a field", arg.Name)
		}
	}
}

// enter counts a node and a level; leave undoes the level.
func (c *compiler) enter(expr ast.Expr) bool {
	c.nodes++
	c.level++
	switch {
	case c.nodes == c.Limits.Nodes+1:
		c.failf(expr, "the expression has more than %d nodes", c.Limits.Nodes)
		return false
	case c.nodes > c.Limits.Nodes:
		return false
	case c.level > c.Limits.Levels:
		c.failf(expr, "the expression is nested more than %d levels deep", c.Limits.Levels)
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
func (c *compiler) node(expr ast.Expr) Node {
	if !c.enter(expr) {
		return nil
	}
	defer c.leave()
	switch expr.Kind() {
	case ast.LiteralKind:
		return c.literal(expr)
	case ast.IdentKind, ast.SelectKind:
		return c.name(expr)
	case ast.CallKind:
		return c.call(expr)
	case ast.ListKind:
		c.failf(expr, "a list can only stand to the right of `in`")
	case ast.MapKind, ast.StructKind:
		c.failf(expr, "maps and messages do not exist in expressions")
	default:
		c.failf(expr, "this form does not exist in expressions")
	}
	return nil
}

// boolean compiles an expression that must be a condition.
func (c *compiler) boolean(expr ast.Expr) Node {
	node := c.known(expr, value.Bool, 0)
	if node != nil && c.isRowValue(expr, node) {
		return nil
	}
	if node != nil && node.Kind() != value.Bool {
		c.failf(expr, "must be a condition (true or false), not %s", kindName(node.Kind()))
		return nil
	}
	return node
}

// known compiles an expression and gives it, where it is an argument of no kind yet, the kind that is expected.
func (c *compiler) known(expr ast.Expr, kind value.Kind, scale uint8) Node {
	node := c.node(expr)
	if node == nil {
		return nil
	}
	return c.adapt(expr, node, kind, scale)
}

// adapt gives n the kind of what it meets, where n can still choose: an argument without a kind, a number literal that
// meets a decimal, a text literal that meets nothing else.
func (c *compiler) adapt(expr ast.Expr, node Node, kind value.Kind, scale uint8) Node {
	switch n := node.(type) {
	case *Arg:
		if n.Type == value.Null && kind != value.Null {
			if kind == value.JSON || kind == value.List {
				c.failf(expr, "an argument cannot be compared with %s", kindName(kind))
				return nil
			}
			n.Type, n.Scale = kind, scale
		}
	case *Const:
		if kind == value.Decimal && n.Literal != "" {
			return c.decimalLiteral(expr, n)
		}
	}
	return node
}

// decimalLiteral reads a number literal exactly as it was written.
func (c *compiler) decimalLiteral(expr ast.Expr, n *Const) Node {
	unscaled, scale, err := value.ParseDecimal(n.Literal)
	if err != nil {
		c.failf(expr, "%s is no decimal of at most 18 digits, written without an exponent", n.Literal)
		return nil
	}
	return &Const{Value: value.OfDecimal(unscaled, scale), Literal: n.Literal}
}

func (c *compiler) arg(expr ast.Expr, name string) Node {
	if !c.Args {
		c.failf(expr, "arg exists only in a request's filter")
		return nil
	}
	if arg := c.seen[name]; arg != nil {
		return arg
	}
	a := &Arg{Name: name}
	c.seen[name], c.firstUse[name] = a, expr
	c.args = append(c.args, a)
	return a
}

func sameKind(a, b value.Kind) bool { return a == b || numeric(a) && numeric(b) }

func numeric(kind value.Kind) bool {
	return kind == value.Int || kind == value.Float || kind == value.Decimal
}

// kindName is a kind with its article, for messages.
func kindName(kind value.Kind) string {
	switch kind {
	case value.Null:
		return "null"
	case value.Int:
		return "an int"
	case value.JSON:
		return "json"
	case value.Text:
		return "text"
	default:
		return "a " + kind.String()
	}
}
