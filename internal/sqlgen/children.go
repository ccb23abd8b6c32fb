package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ByKeys reads the rows of a list of ids that the caller may read, in no order. Input 0 is the list. The columns are the
// fields, then the id.
func (g *Generator) ByKeys(table *model.Table, fields []*model.Field) (*Statement, error) {
	cols := append(g.columns(fields, "t0"), column("t0", "id"))
	conds := append([]string{g.Dialect.InKeys(column("t0", "id"), g.input(0, value.List), table.Key)}, g.readCondition(table, "t0")...)
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(table, "t0") + where(conds))
}

// Children reads, for each parent in a list of ids, the first rows that refer to it and that the caller may read. The
// rows have the order of their ids. Input 0 is the list, input 1 the number of rows for each parent. The columns are the
// fields, then the id of the row and the id of the parent.
func (g *Generator) Children(rel *model.Relation, fields []*model.Field) (*Statement, error) {
	table := rel.To
	if table.View != nil {
		return g.viewChildren(rel, fields)
	}
	keys, key := g.Dialect.KeyTable(g.input(0, value.List), rel.From.Key, "k")
	child := g.alias() // the read rule draws aliases too, so that a fixed name could clash
	conds := append([]string{g.field(rel.Field, child, true) + " = " + key}, g.readCondition(table, child)...)
	inner := "SELECT " + column(child, "id") + g.from(table, child) + where(conds) +
		" ORDER BY " + column(child, "id") + " LIMIT " + g.input(1, value.Int)
	cols := append(g.columns(fields, "t0"), column("t0", "id"), key)
	if g.Dialect.HasLateral() { // otherwise PostgreSQL runs the subquery for every pair of a key and a row
		return g.finish("SELECT " + strings.Join(cols, ", ") + " FROM " + keys + " CROSS JOIN LATERAL (" + inner + ") AS first JOIN " +
			g.fromItem(table, "t0") + " ON " + column("t0", "id") + " = " + column("first", "id") + " ORDER BY " + column("t0", "id"))
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + " FROM " + keys + " CROSS JOIN " + g.fromItem(table, "t0") +
		" WHERE " + column("t0", "id") + " IN (" + inner + ") ORDER BY " + column("t0", "id"))
}

// viewChildren is Children for rows of a view. It numbers the rows of each parent. The statement of Children would run
// the query of the view twice for every parent, and find more rows if an id repeats.
func (g *Generator) viewChildren(rel *model.Relation, fields []*model.Field) (*Statement, error) {
	table := rel.To
	keys, key := g.Dialect.KeyTable(g.input(0, value.List), rel.From.Key, "k")
	cols := append(g.columns(fields, "t0"), column("t0", "id"), key)
	names := make([]string, len(cols))
	for i := range cols {
		names[i] = "c" + strconv.Itoa(i)
		cols[i] += " AS " + names[i]
	}
	id := names[len(fields)]
	conds := append([]string{g.field(rel.Field, "t0", true) + " = " + key}, g.readCondition(table, "t0")...)
	place := "row_number() OVER (PARTITION BY " + key + " ORDER BY " + column("t0", "id") + ") AS place"
	numbered := "SELECT " + strings.Join(cols, ", ") + ", " + place + " FROM " + keys + " CROSS JOIN " + g.fromItem(table, "t0") + where(conds)
	return g.finish("SELECT " + strings.Join(names, ", ") + " FROM (" + numbered + ") AS r WHERE place <= " + g.input(1, value.Int) + " ORDER BY " + id)
}
