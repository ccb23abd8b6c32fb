package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// fromItem is a table as FROM names it, or the query of a view. What a statement reads comes from here alone.
func (g *Generator) fromItem(t *model.Table, alias string) string {
	if t.View == nil {
		g.addTable(t)
		return Quote(t.Name) + " AS " + alias
	}
	for _, r := range t.View.Reads {
		g.addTable(r.Table)
	}
	return viewTable(g.Dialect, t) + " AS " + alias
}

func (g *Generator) from(t *model.Table, alias string) string { return " FROM " + g.fromItem(t, alias) }

func (g *Generator) addTable(t *model.Table) {
	if !slices.Contains(g.tables, t.Name) {
		g.tables = append(g.tables, t.Name)
	}
}

// viewTable is a view in FROM: each field as its type is read everywhere else, whatever the query made it from.
func viewTable(d Dialect, t *model.Table) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = d.ViewColumn(f, column("q", f.Name)) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + " FROM " + Subquery(d.ViewQuery(t.View)) + " AS q)"
}

// Subquery is a query as FROM takes it. It ends on a line of its own: the query's last one may end with a comment.
func Subquery(query string) string { return "(" + query + "\n)" }

// A view is no object of the database: its query stands in FROM where a table's name would. Both engines merge it with the
// statement around it, so that a filter or a key of the client can use an index of the tables that the query reads.

func textOf(e *model.Expr) string {
	if e == nil {
		return ""
	}
	return e.Text
}
