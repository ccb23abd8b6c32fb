package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

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

// columns writes fields as the caller reads them.
func (g *Generator) columns(fields []*model.Field, alias string) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = g.Dialect.OutputColumn(f, g.field(f, alias, true))
	}
	return out
}

// readCondition is the condition that the caller may read the row, as no or one element.
func (g *Generator) readCondition(t *model.Table, alias string) []string {
	if g.allReadable(t) {
		return nil
	}
	return []string{g.conjunct(g.fold(g.Rules.Table(t).Read), g.modelScope(t, alias))}
}

// open says whether the caller may read every row of a table.
func (g *Generator) allReadable(t *model.Table) bool {
	return g.System || rule.AlwaysTrue(g.fold(g.Rules.Table(t).Read))
}
