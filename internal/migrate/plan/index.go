package plan

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// FieldsOf returns the fields of columns.
func FieldsOf(table *model.Table, columns []string) []*model.Field {
	fields := make([]*model.Field, len(columns))
	for i, c := range columns {
		fields[i] = table.Field(c)
	}
	return fields
}

// SameIndex returns the name of the old index that equals a new one, or "".
func (p *Planner) SameIndex(old []sqlgen.Index, table *model.Table, index sqlgen.Index) string {
	for _, o := range old {
		if o.Unique == index.Unique && o.Caseless == index.Caseless && o.Where == index.Where && len(o.Columns) == len(index.Columns) && p.sameColumns(table, index.Columns, o.Columns) {
			return o.Name
		}
	}
	return ""
}

func (p *Planner) sameColumns(table *model.Table, is, was []string) bool {
	for n, c := range is {
		field := table.Field(c)
		before := p.OldField(field)
		if before == nil || before.Name != was[n] || p.Converts(before, field) {
			return false
		}
	}
	return true
}

// indexed reports whether a field is in any index of its table.
func indexed(f *model.Field) bool {
	return f.Name == "id" || slices.ContainsFunc(sqlgen.Indexes(f.Table), func(i sqlgen.Index) bool { return slices.Contains(i.Columns, f.Name) })
}
