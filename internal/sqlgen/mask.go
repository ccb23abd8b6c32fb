package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// mask returns the folded read rule of a field, or nil if the field is not masked.
func (g *Generator) mask(field *model.Field) rule.Node {
	own := g.Rules.Field(field).Read
	if g.System || own == nil {
		return nil
	}
	if folded := g.fold(own); !rule.AlwaysTrue(folded) {
		return folded
	}
	return nil
}

// field returns a column of a row. If a client sees the row, the column is masked.
func (g *Generator) field(field *model.Field, alias string, client bool) string {
	column := alias + "." + Quote(field.Name)
	if !client {
		return column
	}
	mask := g.mask(field)
	switch {
	case mask == nil:
		return column
	case rule.NeverTrue(mask):
		return g.Dialect.Null(value.KindOf(field))
	}
	return "(CASE WHEN " + g.cond(mask, g.modelScope(field.Table, alias), admit) + " THEN " + column + " END)"
}

// columns returns result columns of fields, as the caller reads them.
func (g *Generator) columns(fields []*model.Field, alias string) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = g.Dialect.OutputColumn(f, g.field(f, alias, true))
	}
	return out
}

// readCondition returns the condition that the caller may read a row, as no or one element.
func (g *Generator) readCondition(table *model.Table, alias string) []string {
	if g.allReadable(table) {
		return nil
	}
	return []string{g.conjunct(g.fold(g.Rules.Table(table).Read), g.modelScope(table, alias))}
}

// allReadable reports whether the caller may read every row of a table.
func (g *Generator) allReadable(t *model.Table) bool {
	return g.System || rule.AlwaysTrue(g.fold(g.Rules.Table(t).Read))
}
