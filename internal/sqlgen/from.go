package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// fromItem returns a table for FROM, and records that the statement reads it. A view is no object of the database, so
// its query stands here. Both engines merge that query with the statement around it, so that a filter or key of the
// client can use the indexes below the view.
func (g *Generator) fromItem(table *model.Table, alias string) string {
	g.uses = append(g.uses, Use{Alias: alias, Table: table})
	if table.View == nil {
		g.addTable(table)
		return Quote(table.Name) + " AS " + alias
	}
	for _, r := range table.View.Reads {
		g.addTable(r.Table)
	}
	return viewTable(g.Dialect, table) + " AS " + alias
}

// fromItemOf is fromItem for a table that an expression reads.
func (g *Generator) fromItemOf(table *model.Table, alias string, sc *scope) string {
	item := g.fromItem(table, alias)
	g.uses[len(g.uses)-1].Client = sc.client
	return item
}

// from returns a FROM clause of one table.
func (g *Generator) from(t *model.Table, alias string) string { return " FROM " + g.fromItem(t, alias) }

func (g *Generator) addTable(table *model.Table) {
	if !slices.Contains(g.tables, table.Name) {
		g.tables = append(g.tables, table.Name)
	}
}

// viewTable returns a view for FROM. Each column has the type of its field, whatever the query made it from.
func viewTable(dialect Dialect, table *model.Table) string {
	cols := make([]string, len(table.Fields))
	for i, f := range table.Fields {
		cols[i] = dialect.ViewColumn(f, column("q", f.Name)) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + " FROM " + Subquery(dialect.ViewQuery(table.View)) + " AS q)"
}

// Subquery returns a query for FROM. The closing parenthesis has a line of its own, since the query may end with a
// comment.
func Subquery(query string) string { return "(" + query + "\n)" }

// textOf returns the text of an expression, or "" for none.
func textOf(expr *model.Expr) string {
	if expr == nil {
		return ""
	}
	return expr.Text
}
