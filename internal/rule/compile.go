package rule

import (
	"fmt"

	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Scope defines the names that an expression may use and its limits.
type Scope struct {
	Row    *Row   // the row of bare names; nil in a default and in a condition about auth alone
	Old    *Row   // the row of the name old, or nil
	Args   bool   // arg.* exists
	Client bool   // written by a client: secret fields do not exist
	Limits Limits // the zero value is ModelLimits

	// Typed are the arguments behind arg, with their types. nil: an argument has the type of what it is compared with.
	Typed []*model.Field
	// Missing says why a reserved name (auth, now, old or arg) does not exist in the expression.
	Missing map[string]string

	Roles   []string     // roles of the model; nil allows any text
	Default *model.Field // for a default: its field
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

// AlreadyReported is the offset of a problem that only follows from a fault in the declaration of a field. The fault
// is reported there, so the problem is not.
const AlreadyReported = -1

// CompileValue compiles an expression of any kind. A row has no kind.
func CompileValue(text string, scope Scope) (Node, []Problem) {
	c, root := parse(text, scope)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	node := c.node(root)
	if node != nil {
		c.isRowValue(root, node)
	}
	c.checkArgs()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return node, nil
}

// Compile compiles a condition: an expression of kind Bool.
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

// CompileDefault compiles the default of a field: an expression of the field's kind about the caller and the time.
// roles are the roles of the model.
func CompileDefault(text string, field *model.Field, roles []string) (Node, []Problem) {
	return compileFor(text, Scope{Roles: roles, Default: field}, "the default of "+field.Name)
}

// compileFor compiles a value of the field scope.Default. what names it in messages.
func compileFor(text string, scope Scope, what string) (Node, []Problem) {
	field := scope.Default
	c, root := parse(text, scope)
	if len(c.problems) > 0 {
		if advice := unquoted(field, text); advice != "" {
			return nil, []Problem{{0, advice}}
		}
		return nil, c.problems
	}
	node := c.withKind(root, kindOf(field), uint8(field.Scale))
	if node != nil && node.Kind() != value.Null && !sameKind(node.Kind(), kindOf(field)) {
		c.failf(root, "%s must be %s, not %s", what, kindName(kindOf(field)), kindName(node.Kind()))
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return node, nil
}

// compiler walks one parsed expression. When a method meets a fault, it records the fault and returns a nil Node. Its
// callers then return nil too, so that each fault is reported once.
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
	c.problems = append(c.problems, Problem{c.offsetOf(expr), fmt.Sprintf(format, args...)})
}

// checkArgs reports the arguments of unknown kind.
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

// target is a row, or rows, before an expression makes a value of them.
type target struct {
	path  Path
	steps int             // relation steps so far, through all macros around
	many  *model.Relation // the to-many relation at the end, or nil
}

// node compiles an expression to a value.
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

// boolean compiles an expression to a condition.
func (c *compiler) boolean(expr ast.Expr) Node {
	node := c.withKind(expr, value.Bool, 0)
	if node != nil && c.isRowValue(expr, node) {
		return nil
	}
	if node != nil && node.Kind() != value.Bool {
		c.failf(expr, "must be a condition (true or false), not %s", kindName(node.Kind()))
		return nil
	}
	return node
}

// withKind compiles an expression. An argument without a kind gets the expected one.
func (c *compiler) withKind(expr ast.Expr, kind value.Kind, scale uint8) Node {
	node := c.node(expr)
	if node == nil {
		return nil
	}
	return c.coerce(expr, node, kind, scale)
}

// coerce gives a node the kind of the other operand, if the node can still choose: an argument without a kind, or a
// number literal compared with a decimal.
func (c *compiler) coerce(expr ast.Expr, node Node, kind value.Kind, scale uint8) Node {
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

// decimalLiteral reads a number literal from its source text, without rounding.
func (c *compiler) decimalLiteral(expr ast.Expr, n *Const) Node {
	unscaled, scale, err := value.ParseDecimal(n.Literal)
	if err != nil {
		c.failf(expr, "%s is no decimal of at most 18 digits, written without an exponent", n.Literal)
		return nil
	}
	return &Const{Value: value.OfDecimal(unscaled, scale), Literal: n.Literal}
}

func (c *compiler) arg(expr ast.Expr, name string) Node {
	if c.Typed != nil {
		return c.typedArg(expr, name)
	}
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

// typedArg compiles an argument whose type is declared.
func (c *compiler) typedArg(expr ast.Expr, name string) Node {
	names := make([]string, len(c.Typed))
	for i, field := range c.Typed {
		switch {
		case field.Name == name && field.Type == model.Invalid:
			c.problems = append(c.problems, Problem{Offset: AlreadyReported})
			return nil
		case field.Name == name:
			return &Arg{Name: name, Type: kindOf(field), Scale: uint8(field.Scale), Field: field}
		case field.RefName == name:
			c.failf(expr, "arg.%s is a reference: name its id, arg.%s", name, field.Name)
			return nil
		}
		names[i] = field.Name
	}
	if len(names) == 0 {
		c.failf(expr, "the job has no arguments: declare %s at args", name)
		return nil
	}
	c.failf(expr, "the job has no argument %s%s", name, suggestOrList(name, names))
	return nil
}

func sameKind(a, b value.Kind) bool { return a == b || (numeric(a) && numeric(b)) }

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
