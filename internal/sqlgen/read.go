package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Key is one key of an order.
type Key struct {
	Field *model.Field
	Desc  bool
}

// columns writes fields as the caller reads them.
func (g *Generator) columns(fields []*model.Field, alias string) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = g.Dialect.OutputColumn(f, g.field(f, alias, true))
	}
	return out
}

func (g *Generator) from(t *model.Table, alias string) string { return " FROM " + g.fromItem(t, alias) }

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

// List is one range of a page.
type List struct {
	Table  *model.Table
	Fields []*model.Field // the columns
	Filter rule.Node      // the client's, slots extracted; nil: none
	Sort   []Key          // at least one; the last is the id
	Range  Range
	Way    Way
}

// List reads a range of the rows that the caller may read, in order. Input 0 is the limit, input 1+i is key i of the
// startKey to go on from. The columns are the fields, then the sort keys, all under the caller's masks.
func (g *Generator) List(l List) (*Statement, error) {
	g.stopPropagation(g.folded(l.Filter), g.clientScope(l.Table, "t0"), l.Sort)
	fields := append([]*model.Field(nil), l.Fields...)
	keys := make([]string, len(l.Sort))
	for i, k := range l.Sort {
		keys[i] = g.field(k.Field, "t0", true)
	}
	cols := g.columns(fields, "t0")
	for i, k := range l.Sort {
		cols = append(cols, g.Dialect.OutputColumn(k.Field, keys[i]))
	}
	f := g.planList(l)
	conds, admits := g.listConditions(f, l.Table, l.Way)
	ranged := g.rangeConditions(l, keys, admits)
	if l.Way >= From && !g.Dialect.HasStatistics() { // the order is no way to the rows
		for i := range ranged {
			ranged[i] = hideFromIndex(ranged[i])
		}
	}
	sql := "SELECT " + strings.Join(cols, ", ") + g.listFrom(f, l.Table, l.Way) + where(append(conds, ranged...)) + g.orderBy(l, keys)
	s, err := g.finish(sql + " LIMIT " + g.input(0, value.Int))
	if err == nil && l.Way == AsPlanned {
		s.Ways = g.ways(f)
	}
	return s, err
}

// orderBy orders a range.
func (g *Generator) orderBy(l List, keys []string) string {
	order := make([]string, 0, len(keys))
	for i := l.Range.fixedKeys(); i < len(keys); i++ {
		order = append(order, keys[i]+g.direction(l, i))
	}
	if len(order) == 0 {
		return ""
	}
	return " ORDER BY " + strings.Join(order, ", ")
}

// folded is the filter of a client, nil where it holds for every row.
func (g *Generator) folded(filter rule.Node) rule.Node {
	if filter == nil {
		return nil
	}
	if folded := g.fold(filter); !rule.AlwaysTrue(folded) {
		return folded
	}
	return nil
}

func (g *Generator) direction(l List, i int) string {
	dir := ""
	if l.Sort[i].Desc {
		dir = " DESC"
	}
	// The key of the range itself is never NULL there; an index serves it without this.
	if g.KeyMayBeNull(l.Sort[i].Field) && i > l.Range.At {
		dir += " NULLS LAST"
	}
	return dir
}

// KeyMayBeNull says whether a sort key can be missing in the caller's eyes.
func (g *Generator) KeyMayBeNull(f *model.Field) bool { return f.Optional || g.mask(f) != nil }

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

// ByKeys reads the rows of a list of ids that the caller may read, in no order. Input 0 is the list. The columns are
// the fields, then the id.
func (g *Generator) ByKeys(t *model.Table, fields []*model.Field) (*Statement, error) {
	cols := append(g.columns(fields, "t0"), column("t0", "id"))
	conds := append([]string{g.Dialect.InKeys(column("t0", "id"), g.input(0, value.List), t.Key)}, g.readCondition(t, "t0")...)
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(t, "t0") + where(conds))
}

// Children reads, for each of a list of ids, the first rows that refer to it and that the caller may read, in the
// order of their ids. Input 0 is the list, input 1 how many rows each parent gets. The columns are the fields, then the
// row's id and the parent's.
func (g *Generator) Children(rel *model.Relation, fields []*model.Field) (*Statement, error) {
	t := rel.To
	if t.View != nil {
		return g.viewChildren(rel, fields)
	}
	keys, key := g.Dialect.KeyTable(g.input(0, value.List), rel.From.Key, "k")
	child := g.alias() // not a name of our own: the rules that are asked about it take theirs from the same row of names
	conds := append([]string{g.field(rel.Field, child, true) + " = " + key}, g.readCondition(t, child)...)
	inner := "SELECT " + column(child, "id") + g.from(t, child) + where(conds) +
		" ORDER BY " + column(child, "id") + " LIMIT " + g.input(1, value.Int)
	cols := append(g.columns(fields, "t0"), column("t0", "id"), key)
	if g.Dialect.HasLateral() { // PostgreSQL would ask the subquery below for every pair of a key and a row
		return g.finish("SELECT " + strings.Join(cols, ", ") + " FROM " + keys + " CROSS JOIN LATERAL (" + inner + ") AS first JOIN " +
			g.fromItem(t, "t0") + " ON " + column("t0", "id") + " = " + column("first", "id") + " ORDER BY " + column("t0", "id"))
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + " FROM " + keys + " CROSS JOIN " + g.fromItem(t, "t0") +
		" WHERE " + column("t0", "id") + " IN (" + inner + ") ORDER BY " + column("t0", "id"))
}

// Failing reads the ids of the rows that do not pass a check, which needs nothing but the row. It is asked by the server
// itself, so no rule stands in its way.
func (g *Generator) Failing(t *model.Table, check rule.Node) (*Statement, error) {
	cond := g.cond(g.fold(check), g.modelScope(t, "t0"), admit)
	return g.finish("SELECT " + column("t0", "id") + g.from(t, "t0") + " WHERE (" + cond + ") IS NOT TRUE ORDER BY " + column("t0", "id"))
}
