// Package rule turns the text of an expression into a typed condition tree about a model's fields.
//
// The language is CEL (https://cel.dev) with Ashlar's names; docs/expressions.md describes it. Every expression has
// one of two outcomes: a value (perhaps null, the missing value), or a failure. The comment of each node defines its
// outcome for missing and failed operands. Package sqlgen implements it in SQL, and Eval in Go.
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

// Row is a row that an expression can name: the row itself, the old row, or the item of a macro. Rows are compared by
// identity.
type Row struct {
	Table *model.Table
	Role  Role
}

// Role distinguishes the rows of an expression.
type Role uint8

const (
	Self Role = iota // the row under decision
	Old              // the row before an update; missing at a create
	Item             // an item of a to-many relation, bound by a macro
)

// Path leads from a Row over to-one relations to another row. A step through a missing reference is missing.
type Path struct {
	Root  *Row
	Steps []*model.Relation
}

// Table returns the table at the end of the path.
func (p Path) Table() *model.Table {
	if n := len(p.Steps); n > 0 {
		return p.Steps[n-1].To
	}
	return p.Root.Table
}

// Const is a literal, or a folded constant.
type Const struct {
	Value   value.Value
	Literal string // source text of a number, else ""
}

// Failed is an expression that certainly fails. Only Fold makes it.
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
	AuthID                   // text; fails if the caller has none
	AuthEmail                // text; fails if the caller has none
	AuthRoles                // list of text
	AuthVerified             // bool
	AuthMFA                  // bool
	AuthMethods              // list of text
	AuthSince                // timestamp; fails if unknown
	AuthSession              // text; fails if the caller has none
	AuthKey                  // text; fails if the caller has none
)

// Auth is an attribute of the caller.
type Auth struct{ Attr Attr }

// Now is the time of the request, one instant for all of it.
type Now struct{}

// Arg is an argument of a request's filter. It has the kind of the expression compared with it. An argument of a job has
// the kind of its declaration.
type Arg struct {
	Name  string
	Type  value.Kind
	Scale uint8        // of a Decimal
	Field *model.Field // declaration of a job's argument, else nil
}

// Param is the value of an expression without a row, evaluated before the statement runs. Only Fold makes it. It is
// neither missing nor failed.
type Param struct {
	Slot *Slot
	As   value.Kind
}

// Not negates; a failure stays one.
type Not struct{ X Node }

// And is false if any operand is false. Otherwise it fails if any operand fails.
type And struct{ Xs []Node }

// Or is true if any operand is true. Otherwise it fails if any operand fails.
type Or struct{ Xs []Node }

// If is Then or Else; it fails if Cond fails.
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

// Compare compares. Eq and Ne accept missing operands: missing equals only missing. The other operators fail on them.
// All operators fail on a failed operand. Numbers compare by exact value.
type Compare struct {
	Op   Op
	L, R Node
}

// In reports whether X equals one of the items. Each item is a Column or needs no row.
type In struct {
	X     Node
	Items []Node
}

// InList reports whether X is in a list without a row: auth.roles or auth.methods.
type InList struct{ X, List Node }

// Arith computes. It fails on a missing operand, on overflow, on a division by zero and on a result that is not
// finite.
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
	Lower                  // only ASCII
	Upper                  // only ASCII
)

// Call applies a function; it fails on a missing operand, and Concat on a result longer than value.MaxConcat.
type Call struct {
	Func Func
	Args []Node
}

// Has reports whether X exists: a column with a value, or an attribute of the caller. It never fails.
type Has struct{ X Node }

// Quantifier is the question of a Quantified.
type Quantifier uint8

const (
	Exists    Quantifier = iota // true if Body is true for any item; else fails if Body fails for any
	All                         // false if Body is false for any item; else fails if Body fails for any
	ExistsOne                   // true if Body is true for exactly one item; fails if Body fails for any
	Count                       // the number of items; Body is nil
)

// Quantified asks about the rows of a to-many relation. From leads to the row of the relation; if it is missing,
// Quantified fails.
type Quantified struct {
	Quantifier Quantifier
	From       Path
	Relation   *model.Relation
	Item       *Row
	Body       Node
}

func (n *Const) Kind() value.Kind   { return n.Value.Kind }
func (n *Failed) Kind() value.Kind  { return n.As }
func (n *Column) Kind() value.Kind  { return kindOf(n.Field) }
func (n *Now) Kind() value.Kind     { return value.Timestamp }
func (n *Arg) Kind() value.Kind     { return n.Type }
func (n *Param) Kind() value.Kind   { return n.As }
func (n *Not) Kind() value.Kind     { return value.Bool }
func (n *And) Kind() value.Kind     { return value.Bool }
func (n *Or) Kind() value.Kind      { return value.Bool }
func (n *If) Kind() value.Kind      { return n.As }
func (n *Compare) Kind() value.Kind { return value.Bool }
func (n *In) Kind() value.Kind      { return value.Bool }
func (n *InList) Kind() value.Kind  { return value.Bool }
func (n *Arith) Kind() value.Kind   { return n.As }
func (n *Neg) Kind() value.Kind     { return n.X.Kind() }
func (n *Has) Kind() value.Kind     { return value.Bool }
func (n *Rounded) Kind() value.Kind { return value.Decimal }
func (n *Auth) Kind() value.Kind {
	switch n.Attr {
	case AuthRoles, AuthMethods:
		return value.List
	case AuthVerified, AuthMFA:
		return value.Bool
	case AuthSince:
		return value.Timestamp
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

func (n *Quantified) Kind() value.Kind {
	if n.Quantifier == Count {
		return value.Int
	}
	return value.Bool
}

// kindOf returns the kind of a field in expressions: text for a uuid.
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
	case *Rounded:
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
