package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// column returns a column of the row that an alias stands for.
func column(alias, name string) string { return alias + "." + Quote(name) }

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
