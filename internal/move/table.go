package move

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// table is a table to move.
type table struct {
	name   string
	model  *model.Table
	fields []*model.Field // fields of all columns
	create func(sqlgen.Dialect) []string

	from, to Sum
}

// tablesOf lists the tables of a model to move. It leaves out ashlar_meta with the mark of the move; the last step
// writes its rows.
func tablesOf(m *model.Model) []*table {
	var all []*table
	for _, t := range m.Tables {
		if t.Name == system.MetaTable {
			continue
		}
		all = append(all, &table{
			name: t.Name, model: t,
			fields: append(slices.Clone(t.Fields), &model.Field{Name: sqlgen.Revision, Type: model.Int}),
			create: func(d sqlgen.Dialect) []string { return sqlgen.Define(d, t).WithTriggers() },
		})
	}
	return all
}

// raw returns the table for its statements.
func (t *table) raw() sqlgen.RawTable {
	raw := sqlgen.RawTable{Name: t.name}
	for _, field := range t.fields {
		raw.Columns = append(raw.Columns, field.Name)
	}
	return raw
}
