package move

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// table is one that is moved.
type table struct {
	name   string
	model  *model.Table   // nil: one of Ashlar's own
	fields []*model.Field // of every column
	create func(ddl.Dialect) []string

	from, to Sum
}

// tablesOf lists the tables of a model, and those of Ashlar's own that the database has.
func tablesOf(m *model.Model, system []migrate.SystemTable, stored []string) []*table {
	var all []*table
	for _, t := range m.Tables {
		all = append(all, &table{
			name: t.Name, model: t,
			fields: append(slices.Clone(t.Fields), &model.Field{Name: ddl.Revision, Type: model.Int}),
			create: func(d ddl.Dialect) []string { return ddl.CreateTable(d, t) },
		})
	}
	for _, s := range system {
		if !slices.Contains(stored, s.Name) {
			continue
		}
		t := &table{name: s.Name, create: s.Create}
		for _, c := range s.Columns {
			t.fields = append(t.fields, &model.Field{Name: c.Name, Type: c.Type})
		}
		all = append(all, t)
	}
	return all
}

func (t *table) columns() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.Name
	}
	return names
}

func (t *table) read() string { return sqlgen.ReadWhole(t.name, t.columns()) }

func (t *table) count() string { return sqlgen.CountWhole(t.name) }

func (t *table) into(d ddl.Dialect) string {
	if d == ddl.Postgres {
		return sqlgen.LoadWhole(sqlgen.Postgres{}, t.name, t.columns())
	}
	return sqlgen.LoadWhole(sqlgen.SQLite{}, t.name, t.columns())
}
