package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A uuid is text in expressions. Where the database stores it as what it is, its column is cast to text wherever an
// expression uses it, but not where it is compared with another uuid or with a text that is known before the statement runs:
// there an index is to be used.

// uuidColumn is the column of a uuid, as it is stored.
func (g *Generator) uuidColumn(n rule.Node, sc *scope) (string, bool) {
	c, ok := n.(*rule.Column)
	if !ok || c.Field.Type != model.UUID || !g.Dialect.StoresUUID() {
		return "", false
	}
	return g.column(c, sc), true
}

// boundUUID is a text that needs no row, bound as a uuid; as null where it is none.
func (g *Generator) boundUUID(n rule.Node) (string, bool) {
	switch n := n.(type) {
	case *rule.Param:
		if n.As == value.Text {
			s := n.Slot
			return g.placeholder(&g.uuids, s.Index, Arg{From: FromSlot, Index: s.Index, UUID: true}, value.UUID), true
		}
	case *rule.Const:
		if n.Value.Kind == value.Text {
			v := asUUID(n.Value)
			if v.IsNull() {
				return g.Dialect.Null(value.UUID), true
			}
			return g.constant(v), true
		}
	}
	return "", false
}

func isBoundText(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Param:
		return n.As == value.Text
	case *rule.Const:
		return n.Value.Kind == value.Text
	}
	return false
}

// uuidColumns are the columns of two uuids. Their order as they are stored is that of their text.
func (g *Generator) uuidColumns(l, r rule.Node, sc *scope) (a, b string, ok bool) {
	if !isUUIDColumn(l) || !isUUIDColumn(r) {
		return "", "", false
	}
	a, ok = g.uuidColumn(l, sc)
	if !ok {
		return "", "", false
	}
	b, _ = g.uuidColumn(r, sc)
	return a, b, true
}

func isUUIDColumn(n rule.Node) bool {
	c, ok := n.(*rule.Column)
	return ok && c.Field.Type == model.UUID
}

// uuidEquality compares a uuid with another or with a text that is known.
func (g *Generator) uuidEquality(op rule.Op, l, r rule.Node, sc *scope, m logic) (string, bool) {
	if isUUIDColumn(r) && !isUUIDColumn(l) {
		l, r = r, l
	}
	if a, b, ok := g.uuidColumns(l, r, sc); ok {
		missL, missR := mayBeNull(l), mayBeNull(r)
		switch {
		case !missL && !missR, m == admit && op == rule.Eq && missL != missR:
			return "(" + a + " " + sqlOp(op) + " " + b + ")", true
		case op == rule.Eq:
			return g.Dialect.Same(a, b), true
		default:
			return g.Dialect.Differs(a, b), true
		}
	}
	if !isBoundText(r) {
		return "", false
	}
	column, ok := g.uuidColumn(l, sc)
	if !ok {
		return "", false
	}
	text, _ := g.boundUUID(r)
	return g.uuidOutcome(column+" = "+text, op == rule.Ne, m), true
}

// uuidOutcome makes false of the NULL of a comparison with a missing uuid, or with a text that is none.
func (g *Generator) uuidOutcome(sql string, not bool, m logic) string {
	switch {
	case not:
		return "(NOT coalesce(" + sql + ", " + g.Dialect.Bool(false) + "))"
	case m == admit:
		return "(" + sql + ")"
	default:
		return "coalesce(" + sql + ", " + g.Dialect.Bool(false) + ")"
	}
}

// uuidIn looks for a uuid among texts that are known.
func (g *Generator) uuidIn(n *rule.In, sc *scope, m logic) (string, bool) {
	if len(n.Items) == 0 {
		return "", false
	}
	for _, item := range n.Items {
		if !isBoundText(item) {
			return "", false
		}
	}
	column, ok := g.uuidColumn(n.X, sc)
	if !ok {
		return "", false
	}
	items := make([]string, len(n.Items))
	for i, item := range n.Items {
		items[i], _ = g.boundUUID(item)
	}
	return g.uuidOutcome(column+" IN ("+strings.Join(items, ", ")+")", false, m), true
}
