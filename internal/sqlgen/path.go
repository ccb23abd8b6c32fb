package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// column returns a column of the row that an alias stands for.
func column(alias, name string) string { return alias + "." + Quote(name) }

// column returns the field at the end of a path, from a correlated subquery with a table for each step. A client only
// reaches rows that the caller may read.
func (g *Generator) column(column *rule.Column, sc *scope) string {
	column = g.withoutLastStep(column, sc)
	if len(column.Path.Steps) == 0 {
		return g.rootField(column.Field, column.Path.Root, sc)
	}
	from, last := g.joinSteps(column.Path, sc)
	return "(SELECT " + g.field(column.Field, last, sc.client) + from + ")"
}

// withoutLastStep takes the last step off a path that ends in an id, since the reference holds that id. Some steps say
// more than the id and stay:
//   - A step of a client says that the caller may read the row.
//   - A reference of a view may lead to no row.
//   - The row of a write may not be stored yet, or be the end of the path itself, which the rule must not see.
func (g *Generator) withoutLastStep(column *rule.Column, sc *scope) *rule.Column {
	last := len(column.Path.Steps) - 1
	if last < 0 || column.Field != column.Path.Table().ID() || g.dangling || sc.writes != nil {
		return column
	}
	step := column.Path.Steps[last]
	if step.From.View != nil || (sc.client && !g.allReadable(step.To)) {
		return column
	}
	return &rule.Column{Path: rule.Path{Root: column.Path.Root, Steps: column.Path.Steps[:last]}, Field: step.Field}
}

// joinSteps returns the FROM and WHERE clauses of a path with at least one step, and the alias of its end.
func (g *Generator) joinSteps(path rule.Path, sc *scope) (from, last string) {
	var tables, conds []string
	for i, step := range path.Steps {
		next := g.alias()
		tables = append(tables, g.fromItemOf(step.To, next, sc))
		key := ""
		if i == 0 {
			key = g.rootField(step.Field, path.Root, sc)
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

// rootField returns a field of the row at the start of a path.
func (g *Generator) rootField(field *model.Field, row *rule.Row, sc *scope) string {
	at := sc.find(row)
	if i, ok := at.inputs[field]; ok {
		return g.inputOf(i, field)
	}
	return g.field(field, at.alias, sc.client)
}
