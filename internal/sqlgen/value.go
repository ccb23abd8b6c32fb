package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// value writes a folded expression; it is NULL where the expression is missing or fails.
func (g *Generator) value(n rule.Node, sc *scope) string {
	return g.limitText(g.expression(n, sc))
}

func (g *Generator) expression(n rule.Node, sc *scope) string {
	switch n := n.(type) {
	case *rule.Const:
		return g.constant(n.Value)
	case *rule.Failed:
		return g.Dialect.Null(n.As)
	case *rule.Param:
		return g.slot(n.Slot)
	case *rule.Column:
		return g.Dialect.ColumnValue(n.Field, g.column(n, sc))
	case *rule.If:
		return "(" + g.caseOf(n, sc, func(b rule.Node) string {
			if isNull(b) {
				return g.Dialect.Null(n.As)
			}
			return g.value(b, sc)
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

func (g *Generator) number(n rule.Node, sc *scope) number {
	return number{g.value(n, sc), n.Kind(), rule.ScaleOf(n)}
}

func (g *Generator) call(n *rule.Call, sc *scope) string {
	args := make([]string, len(n.Args))
	for i, a := range n.Args {
		args[i] = g.value(a, sc)
	}
	switch {
	case n.Func == rule.Size && n.Args[0].Kind() == value.List:
		return g.Dialect.ListLen(args[0])
	case n.Func == rule.Contains:
		return g.Dialect.Contains(args[0], args[1], isBoundText(n.Args[1]))
	}
	return g.Dialect.Call(n.Func, args)
}

// column writes a field of the row at the end of a path. Each step is a correlated subquery's row; seen by a client, it
// indexed only to rows that the caller may read.
func (g *Generator) column(n *rule.Column, sc *scope) string {
	n = g.withoutLastStep(n, sc)
	if len(n.Path.Steps) == 0 {
		return g.rootField(n.Field, n.Path.Root, sc)
	}
	from, last := g.joinSteps(n.Path, sc)
	return "(SELECT " + g.field(n.Field, last, sc.client) + from + ")"
}

// withoutLastStep takes the last step off a path that ends in an id: the reference holds that id. A step of a client's says more,
// that the caller may read the row. So does one in a rule about a row that is not stored yet: it may lead to no row, or to
// the row itself, which such a rule must not see.
func (g *Generator) withoutLastStep(n *rule.Column, sc *scope) *rule.Column {
	last := len(n.Path.Steps) - 1
	if last < 0 || n.Field != n.Path.Table().ID() || g.dangling || sc.writes != nil {
		return n
	}
	step := n.Path.Steps[last]
	if step.From.View != nil || sc.client && !g.allReadable(step.To) { // nothing makes a reference of a view lead to a row
		return n
	}
	return &rule.Column{Path: rule.Path{Root: n.Path.Root, Steps: n.Path.Steps[:last]}, Field: step.Field}
}

// open says whether the caller may read every row of a table.
func (g *Generator) allReadable(t *model.Table) bool {
	return g.System || rule.AlwaysTrue(g.fold(g.Rules.Table(t).Read))
}

// joinSteps writes the FROM and WHERE that lead along a path of at least one step, and the alias of its end.
func (g *Generator) joinSteps(p rule.Path, sc *scope) (from, last string) {
	var tables, conds []string
	for i, step := range p.Steps {
		next := g.alias()
		tables = append(tables, g.fromItem(step.To, next))
		key := ""
		if i == 0 {
			key = g.rootField(step.Field, p.Root, sc)
		} else {
			key = g.field(step.Field, last, sc.client)
		}
		conds = append(conds, next+"."+Quote("id")+" = "+key)
		conds = append(conds, g.notWritten(step.To, next, sc)...)
		if sc.client {
			conds = append(conds, g.readCondition(step.To, next)...)
		}
		last = next
	}
	return " FROM " + strings.Join(tables, ", ") + " WHERE " + strings.Join(conds, " AND "), last
}

// rootField writes a field of the row that a path begins with.
func (g *Generator) rootField(f *model.Field, row *rule.Row, sc *scope) string {
	at := sc.find(row)
	if v, ok := at.values[f]; ok {
		return v
	}
	return g.field(f, at.alias, sc.client)
}

// readCondition is the condition that the caller may read the row, as no or one element.
func (g *Generator) readCondition(t *model.Table, alias string) []string {
	if g.allReadable(t) {
		return nil
	}
	return []string{g.conjunct(g.fold(g.Rules.Table(t).Read), g.modelScope(t, alias))}
}

// field writes a column of a row; seen by a client, under its mask.
func (g *Generator) field(f *model.Field, alias string, client bool) string {
	column := alias + "." + Quote(f.Name)
	if !client {
		return column
	}
	mask := g.mask(f)
	switch {
	case mask == nil:
		return column
	case rule.NeverTrue(mask):
		return g.Dialect.Null(value.KindOf(f))
	}
	return "(CASE WHEN " + g.cond(mask, g.modelScope(f.Table, alias), admit) + " THEN " + column + " END)"
}

// mask is the folded rule that a field is read under, nil where nothing masks it.
func (g *Generator) mask(f *model.Field) rule.Node {
	own := g.Rules.Field(f).Read
	if g.System || own == nil {
		return nil
	}
	if folded := g.fold(own); !rule.AlwaysTrue(folded) {
		return folded
	}
	return nil
}
