package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// Get reads one row that the caller may read. Input 0 is its id. The columns are the fields, under the caller's masks,
// and the revision. A row of a view has no revision.
func (g *Generator) Get(table *model.Table, fields []*model.Field) (*Statement, error) {
	cols := g.columns(fields, "t0")
	if table.View == nil {
		cols = append(cols, column("t0", Revision))
	}
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, table.ID())}, g.readCondition(table, "t0")...)
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(table, "t0") + where(conds))
}

// Readable returns one row if the caller may read a row, else none. Input 0 is the id.
func (g *Generator) Readable(t *model.Table) (*Statement, error) {
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, t.ID())}, g.readCondition(t, "t0")...)
	return g.finish("SELECT 1" + g.from(t, "t0") + where(conds))
}

const selectCount = "SELECT count(*)"

// IsCount reports whether a statement is one of Count.
func IsCount(sql string) bool { return strings.HasPrefix(sql, selectCount+" FROM ") }

// Count counts the rows that the caller may read and that pass the filter. way is AsPlanned or FromSets. With AsPlanned,
// Statement.Ways are the ways for ProbeCount.
func (g *Generator) Count(table *model.Table, filter rule.Node, way Way) (*Statement, error) {
	g.stopPropagation(g.folded(filter), g.clientScope(table, "t0"), nil)
	plan := g.planList(List{Table: table, Filter: filter, Sort: []Key{{Field: table.ID()}}})
	conds, _ := g.listConditions(plan, table, way)
	stmt, err := g.finish(selectCount + g.from(table, "t0") + where(conds))
	if err == nil && way == AsPlanned && g.Dialect.HasStatistics() {
		for i := range plan.starts {
			stmt.Ways = append(stmt.Ways, From+Way(i))
		}
	}
	return stmt, err
}

// Failing reads the ids of the rows that fail a check, without rules, in order. The check must only need the row.
func (g *Generator) Failing(t *model.Table, check rule.Node) (*Statement, error) {
	cond := g.cond(g.fold(check), g.modelScope(t, "t0"), admit)
	return g.finish("SELECT " + column("t0", "id") + g.from(t, "t0") + " WHERE (" + cond + ") IS NOT TRUE ORDER BY " + column("t0", "id"))
}
