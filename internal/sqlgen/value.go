package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// value writes a folded expression. The value is NULL if the expression is missing or fails.
func (g *Generator) value(n rule.Node, sc *scope) string {
	return g.limitText(g.expression(n, sc))
}

func (g *Generator) expression(node rule.Node, sc *scope) string {
	switch n := node.(type) {
	case *rule.Const:
		return g.constant(n.Value)
	case *rule.Failed:
		return g.Dialect.Null(n.As)
	case *rule.Param:
		return g.slot(n.Slot)
	case *rule.Column:
		return g.Dialect.ColumnValue(n.Field, g.column(n, sc))
	case *rule.If:
		return "(" + g.caseOf(n, sc, func(node rule.Node) string {
			if isNull(node) {
				return g.Dialect.Null(n.As)
			}
			return g.value(node, sc)
		}) + ")"
	case *rule.Arith:
		return g.Dialect.Arith(n.Op, n.As, g.number(n.L, sc), g.number(n.R, sc))
	case *rule.Neg:
		return g.Dialect.Negate(g.number(n.X, sc))
	case *rule.Call:
		return g.call(n, sc)
	case *rule.Quantified:
		return g.quantified(n, sc, threeValued)
	default:
		return g.cond(n, sc, threeValued)
	}
}

// number is an operand of arithmetic.
type number struct {
	sql   string
	kind  value.Kind
	scale uint8
}

// number writes an operand of arithmetic.
func (g *Generator) number(n rule.Node, sc *scope) number {
	return number{g.value(n, sc), n.Kind(), rule.ScaleOf(n)}
}

func (g *Generator) call(call *rule.Call, sc *scope) string {
	args := make([]string, len(call.Args))
	for i, a := range call.Args {
		args[i] = g.value(a, sc)
	}
	switch {
	case call.Func == rule.Size && call.Args[0].Kind() == value.List:
		return g.Dialect.ListLen(args[0])
	case call.Func == rule.Contains:
		return g.Dialect.Contains(args[0], args[1], isBoundText(call.Args[1]))
	}
	return g.Dialect.Call(call.Func, args)
}
