package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A uuid is text in expressions. PostgreSQL stores it as a uuid, so that an expression casts the column to text. The
// functions of this file compare without the cast, so that an index can serve the comparison. They compare a uuid with
// another one, or with a text that is known before the statement runs.

// uuidColumn returns the column of a uuid as it is stored. It reports false for any other node.
func (g *Generator) uuidColumn(node rule.Node, sc *scope) (string, bool) {
	column, ok := node.(*rule.Column)
	if !ok || column.Field.Type != model.UUID || !g.Dialect.StoresUUID() {
		return "", false
	}
	return g.column(column, sc), true
}

// boundUUID binds a text that needs no row as a uuid, or as null. It reports false for any other node.
func (g *Generator) boundUUID(node rule.Node) (string, bool) {
	switch n := node.(type) {
	case *rule.Param:
		if n.As == value.Text {
			s := n.Slot
			g.noteSlot(s)
			return g.placeholder(&g.uuids, s.Index, Arg{From: FromSlot, Index: s.Index, UUID: true}, value.UUID), true
		}
	case *rule.Const:
		if n.Value.Kind == value.Text {
			val := asUUID(n.Value)
			if val.IsNull() {
				return g.Dialect.Null(value.UUID), true
			}
			return g.constant(val), true
		}
	}
	return "", false
}

// isBoundText reports whether a node is a text that needs no row.
func isBoundText(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Param:
		return n.As == value.Text
	case *rule.Const:
		return n.Value.Kind == value.Text
	}
	return false
}

// uuidColumns returns the columns of two uuids. uuids have the order of their text.
func (g *Generator) uuidColumns(left, right rule.Node, sc *scope) (leftSQL, rightSQL string, ok bool) {
	if !isUUIDColumn(left) || !isUUIDColumn(right) {
		return "", "", false
	}
	if leftSQL, ok = g.uuidColumn(left, sc); !ok {
		return "", "", false
	}
	rightSQL, _ = g.uuidColumn(right, sc)
	return leftSQL, rightSQL, true
}

func isUUIDColumn(n rule.Node) bool {
	c, ok := n.(*rule.Column)
	return ok && c.Field.Type == model.UUID
}

// uuidEquality compares a uuid with another one, or with a text that needs no row.
func (g *Generator) uuidEquality(op rule.Op, left, right rule.Node, sc *scope, want logic) (string, bool) {
	if isUUIDColumn(right) && !isUUIDColumn(left) {
		left, right = right, left
	}
	if leftSQL, rightSQL, ok := g.uuidColumns(left, right, sc); ok {
		leftNull, rightNull := mayBeNull(left), mayBeNull(right)
		switch {
		case !leftNull && !rightNull, want == admit && op == rule.Eq && leftNull != rightNull:
			return "(" + leftSQL + " " + sqlOp(op) + " " + rightSQL + ")", true
		case op == rule.Eq:
			return g.Dialect.Same(leftSQL, rightSQL), true
		default:
			return g.Dialect.Differs(leftSQL, rightSQL), true
		}
	}
	if !isBoundText(right) {
		return "", false
	}
	column, ok := g.uuidColumn(left, sc)
	if !ok {
		return "", false
	}
	text, _ := g.boundUUID(right)
	return g.uuidOutcome(column+" = "+text, op == rule.Ne, want), true
}

// uuidOutcome turns NULL into false: the uuid is missing, or the text is no uuid.
func (g *Generator) uuidOutcome(sql string, not bool, want logic) string {
	switch {
	case not:
		return "(NOT coalesce(" + sql + ", " + g.Dialect.Bool(false) + "))"
	case want == admit:
		return "(" + sql + ")"
	default:
		return "coalesce(" + sql + ", " + g.Dialect.Bool(false) + ")"
	}
}

// uuidIn looks for a uuid among texts that need no row.
func (g *Generator) uuidIn(in *rule.In, sc *scope, want logic) (string, bool) {
	if len(in.Items) == 0 {
		return "", false
	}
	for _, item := range in.Items {
		if !isBoundText(item) {
			return "", false
		}
	}
	column, ok := g.uuidColumn(in.X, sc)
	if !ok {
		return "", false
	}
	items := make([]string, len(in.Items))
	for i, item := range in.Items {
		items[i], _ = g.boundUUID(item)
	}
	return g.uuidOutcome(column+" IN ("+strings.Join(items, ", ")+")", false, want), true
}
