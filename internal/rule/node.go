// Package rule turns the text of an expression into a typed condition tree about a model's fields.
//
// The language is CEL (https://cel.dev) with Ashlar's names; docs/expressions.md describes it. Every expression has one
// of three outcomes: a value (null, the missing value, among them), or a failure. What a node does with missing and
// failed operands is said beside it; package sqlgen makes the same of it in SQL, and Eval in Go.
package rule

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Node is a typed expression. The types of this file are all there are.
type Node interface {
	// Kind is the kind of the node's values; value.Null only for the literal null.
	Kind() value.Kind
}

// Row is a row that an expression can name: the row itself, the row as it was, or the item of a macro.
// Rows are compared by identity.
type Row struct {
	Table *model.Table
	Role  Role
}

// Role says which row a Row is.
type Role uint8

const (
	Self Role = iota // the row that the expression is about
	Old              // the same row as it was before an update; wholly missing at a create
	Item             // an item of a to-many relation, bound by a macro
)

// Path leads from a Row over to-one relations to another row. A step through a missing reference is missing.
type Path struct {
	Root  *Row
	Steps []*model.Relation
}

// Table is the table of the row that the path leads to.
func (p Path) Table() *model.Table {
	if n := len(p.Steps); n > 0 {
		return p.Steps[n-1].To
	}
	return p.Root.Table
}

// Const is a literal, or what folding made of an expression.
type Const struct {
	Value   value.Value
	Literal string // a number as it was written, "" for others
}

// Failed is an expression that certainly fails; only folding makes it.
type Failed struct{ As value.Kind }

// Column is a field of the row at the end of a path: its value, or missing.
type Column struct {
	Path  Path
	Field *model.Field
}

// Attr is an attribute of the caller.
type Attr uint8

const (
	AuthKind     Attr = iota // text
	AuthID                   // text; fails where the caller has none
	AuthEmail                // text; fails where the caller has none
	AuthRoles                // list of text
	AuthVerified             // bool
	AuthMFA                  // bool
)

// Auth is an attribute of the caller.
type Auth struct{ Attr Attr }

// Now is the time of the request, one instant for all of it.
type Now struct{}

// Arg is an argument of a request's filter. Its kind is that of what it is compared with.
type Arg struct {
	Name  string
	Type  value.Kind
	Scale uint8 // of a Decimal
}

// Param is the value of a part that needs no row, evaluated before the statement runs; only Fold makes it. It is
// neither missing nor failed.
type Param struct {
	Slot *Slot
	As   value.Kind
}

// Not negates; a failure stays one.
type Not struct{ X Node }

// And is false where any operand is false, else fails where any fails.
type And struct{ Xs []Node }

// Or is true where any operand is true, else fails where any fails.
type Or struct{ Xs []Node }

// If is Then or Else; it fails where Cond does.
type If struct {
	Cond, Then, Else Node
	As               value.Kind
}

// Op is a comparison.
type Op uint8

const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// Compare compares. Eq and Ne answer for missing operands too (missing equals missing alone); the others fail on them.
// All fail where an operand fails. Numbers compare by exact value.
type Compare struct {
	Op   Op
	L, R Node
}

// In says whether X equals one of the items, each of which needs no row or is a Column.
type In struct {
	X     Node
	Items []Node
}

// InList says whether X is in a list that needs no row (auth.roles).
type InList struct{ X, List Node }

// Arith computes; it fails on a missing operand and where the result does not exist (overflow, division by zero, not finite).
type Arith struct {
	Op   byte // + - * / %
	L, R Node
	As   value.Kind
}

// Neg is -X.
type Neg struct{ X Node }

// Func is a function on text or lists.
type Func uint8

const (
	Concat     Func = iota // text + text
	Contains               // text, text
	StartsWith             // text, text
	EndsWith               // text, text
	Size                   // text, in code points; or list
	Lower                  // ASCII alone
	Upper                  // ASCII alone
)

// Call applies a function; it fails on a missing operand, and Concat on a result longer than value.MaxConcat.
type Call struct {
	Func Func
	Args []Node
}

// Has says whether X is there: a Column that is not missing, an attribute that the caller has. It never fails.
type Has struct{ X Node }

// Quantifier is what a Many asks.
type Quantifier uint8

const (
	Exists    Quantifier = iota // true where any item's Body is true, else fails where any fails
	All                         // false where any item's Body is false, else fails where any fails
	ExistsOne                   // whether Body is true of exactly one item; fails where any fails
	Count                       // how many items there are; Body is nil
)

// Many asks about the rows of a to-many relation of the row that From leads to. It fails where that row is missing.
type Many struct {
	Ask      Quantifier
	From     Path
	Relation *model.Relation
	Item     *Row
	Body     Node
}

func (n *Const) Kind() value.Kind     { return n.Value.Kind }
func (n *Failed) Kind() value.Kind    { return n.As }
func (n *Column) Kind() value.Kind    { return kindOf(n.Field) }
func (n *Now) Kind() value.Kind       { return value.Timestamp }
func (n *Arg) Kind() value.Kind       { return n.Type }
func (n *Param) Kind() value.Kind     { return n.As }
func (n *Not) Kind() value.Kind       { return value.Bool }
func (n *And) Kind() value.Kind       { return value.Bool }
func (n *Or) Kind() value.Kind        { return value.Bool }
func (n *If) Kind() value.Kind        { return n.As }
func (n *Compare) Kind() value.Kind   { return value.Bool }
func (n *In) Kind() value.Kind        { return value.Bool }
func (n *InList) Kind() value.Kind    { return value.Bool }
func (n *Arith) Kind() value.Kind     { return n.As }
func (n *Neg) Kind() value.Kind       { return n.X.Kind() }
func (n *Has) Kind() value.Kind       { return value.Bool }
func (n *Converted) Kind() value.Kind { return value.Decimal }
func (n *Auth) Kind() value.Kind {
	switch n.Attr {
	case AuthRoles:
		return value.List
	case AuthVerified, AuthMFA:
		return value.Bool
	default:
		return value.Text
	}
}

func (n *Call) Kind() value.Kind {
	switch n.Func {
	case Concat, Lower, Upper:
		return value.Text
	case Size:
		return value.Int
	default:
		return value.Bool
	}
}

func (n *Many) Kind() value.Kind {
	if n.Ask == Count {
		return value.Int
	}
	return value.Bool
}

// kindOf returns the kind of a field in expressions, where a uuid is text.
func kindOf(field *model.Field) value.Kind {
	if kind := value.KindOf(field); kind != value.UUID {
		return kind
	}
	return value.Text
}

// ScaleOf is the number of digits after the point of a decimal node.
func ScaleOf(node Node) uint8 {
	switch n := node.(type) {
	case *Const:
		return n.Value.Scale
	case *Column:
		return uint8(n.Field.Scale)
	case *Arg:
		return n.Scale
	case *Converted:
		return n.Scale
	case *Param:
		return ScaleOf(n.Slot.Node)
	case *Neg:
		return ScaleOf(n.X)
	case *If:
		return max(ScaleOf(n.Then), ScaleOf(n.Else))
	case *Arith:
		return max(ScaleOf(n.L), ScaleOf(n.R))
	default:
		return 0
	}
}
