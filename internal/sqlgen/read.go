package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// Get reads one row that the caller may read. Input 0 is its id. The columns are the fields, under the caller's masks,
// and the revision, which a row of a view has not.
func (g *Generator) Get(t *model.Table, fields []*model.Field) (*Statement, error) {
	cols := g.columns(fields, "t0")
	if t.View == nil {
		cols = append(cols, column("t0", Revision))
	}
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, t.ID())}, g.readCondition(t, "t0")...)
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(t, "t0") + where(conds))
}

// Readable asks whether the caller may read a row: there is one row if so. Input 0 is its id.
func (g *Generator) Readable(t *model.Table) (*Statement, error) {
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, t.ID())}, g.readCondition(t, "t0")...)
	return g.finish("SELECT 1" + g.from(t, "t0") + where(conds))
}

// Count counts the rows that the caller may read and that pass the filter, AsPlanned or FromSets. Of the first, Ways are
// those whose rows ProbeCount counts.
func (g *Generator) Count(t *model.Table, filter rule.Node, way Way) (*Statement, error) {
	g.stopPropagation(g.folded(filter), g.clientScope(t, "t0"), nil)
	f := g.planList(List{Table: t, Filter: filter, Sort: []Key{{Field: t.ID()}}})
	conds, _ := g.listConditions(f, t, way)
	s, err := g.finish("SELECT count(*)" + g.from(t, "t0") + where(conds))
	if err == nil && way == AsPlanned && g.Dialect.HasStatistics() {
		for i := range f.starts {
			s.Ways = append(s.Ways, From+Way(i))
		}
	}
	return s, err
}

// Failing reads the ids of the rows that do not pass a check, which needs nothing but the row. It is asked by the server
// itself, so no rule stands in its way.
func (g *Generator) Failing(t *model.Table, check rule.Node) (*Statement, error) {
	cond := g.cond(g.fold(check), g.modelScope(t, "t0"), admit)
	return g.finish("SELECT " + column("t0", "id") + g.from(t, "t0") + " WHERE (" + cond + ") IS NOT TRUE ORDER BY " + column("t0", "id"))
}
