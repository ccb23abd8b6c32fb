package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A view is no object of the database: its query stands in FROM where a table's name would. Both engines merge it with the
// statement around it, so that a filter or a key of the client can use an index of the tables that the query reads.

func textOf(e *model.Expr) string {
	if e == nil {
		return ""
	}
	return e.Text
}

// Subquery is a query as FROM takes it. It ends on a line of its own: the query's last one may end with a comment.
func Subquery(query string) string { return "(" + query + "\n)" }

// viewTable is a view in FROM: each field as its type is read everywhere else, whatever the query made it from.
func viewTable(d Dialect, t *model.Table) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = d.ViewColumn(f, column("q", f.Name)) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + " FROM " + Subquery(d.ViewQuery(t.View)) + " AS q)"
}

// DuplicateIDs finds an id that more than one row of a view has, or none: the column is the id, then how many rows have it.
func DuplicateIDs(d Dialect, t *model.Table) string {
	return "SELECT id, count(*) FROM " + viewTable(d, t) + " AS t0 GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 1"
}

// SampleRows reads up to n rows of a view as they are. The columns are its fields.
func SampleRows(d Dialect, t *model.Table, n int) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = column("t0", f.Name)
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + viewTable(d, t) + " AS t0 LIMIT " + strconv.Itoa(n)
}

// viewChildren is Children where the rows are a view's. They are numbered within their parent: Children looks up each parent's
// first ids and then their rows, which would run the query twice for every parent, and find more where an id repeats.
func (g *Generator) viewChildren(rel *model.Relation, fields []*model.Field) (*Statement, error) {
	t := rel.To
	keys, key := g.Dialect.KeyTable(g.input(0, value.List), rel.From.Key, "k")
	cols := append(g.columns(fields, "t0"), column("t0", "id"), key)
	names := make([]string, len(cols))
	for i := range cols {
		names[i] = "c" + strconv.Itoa(i)
		cols[i] += " AS " + names[i]
	}
	id := names[len(fields)]
	conds := append([]string{g.field(rel.Field, "t0", true) + " = " + key}, g.readCondition(t, "t0")...)
	place := "row_number() OVER (PARTITION BY " + key + " ORDER BY " + column("t0", "id") + ") AS place"
	numbered := "SELECT " + strings.Join(cols, ", ") + ", " + place + " FROM " + keys + " CROSS JOIN " + g.fromItem(t, "t0") + where(conds)
	return g.finish("SELECT " + strings.Join(names, ", ") + " FROM (" + numbered + ") AS r WHERE place <= " + g.input(1, value.Int) + " ORDER BY " + id)
}
