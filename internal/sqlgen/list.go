package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

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
