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
	for _, target := range m.Tables {
		if target.Name == system.MetaTable {
			continue
		}
		all = append(all, &table{
			name: target.Name, model: target,
			fields: append(slices.Clone(target.Fields), &model.Field{Name: sqlgen.Revision, Type: model.Int}),
			create: func(dialect sqlgen.Dialect) []string { return sqlgen.Define(dialect, target).WithTriggers() },
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
