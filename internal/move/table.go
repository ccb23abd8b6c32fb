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

// tablesOf lists the tables of a model to move. It leaves out ashlar_meta, which holds the mark of the move; the last
// step writes its rows.
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

func (t *table) columns() []string {
	names := make([]string, len(t.fields))
	for i, field := range t.fields {
		names[i] = field.Name
	}
	return names
}

func (t *table) read() string { return sqlgen.ReadWhole(t.name, t.columns()) }

func (t *table) count() string { return sqlgen.CountWhole(t.name) }

func (t *table) into(d sqlgen.Dialect) string {
	return sqlgen.LoadWhole(d, t.name, t.columns())
}
