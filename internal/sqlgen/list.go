package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// List describes one range of a page.
type List struct {
	Table  *model.Table
	Fields []*model.Field // columns
	Filter rule.Node      // of the client, with its slots extracted; nil for none
	Sort   []Key          // at least one key; the last is the id
	Range  Range
	Way    Way
	Rows   int // limit that is part of the text; 0: input 0 is the limit
}

// List reads a range of the rows that the caller may read, in order. Input 0 is the limit, input 1+i is key i of the
// start row. The columns are the fields, then the sort keys, under the caller's masks.
func (g *Generator) List(list List) (*Statement, error) {
	g.stopPropagation(g.folded(list.Filter), g.clientScope(list.Table, "t0"), list.Sort)
	fields := append([]*model.Field(nil), list.Fields...)
	keys := make([]string, len(list.Sort))
	for i, k := range list.Sort {
		keys[i] = g.field(k.Field, "t0", true)
	}
	cols := g.columns(fields, "t0")
	for i, k := range list.Sort {
		cols = append(cols, g.Dialect.OutputColumn(k.Field, keys[i]))
	}
	plan := g.planList(list)
	conds, admits := g.listConditions(plan, list.Table, list.Way)
	ranged := g.rangeConditions(list, keys, admits)
	if list.Way >= From && !g.Dialect.HasStatistics() {
		for i := range ranged {
			ranged[i] = hideFromIndex(ranged[i])
		}
	}
	sql := "SELECT " + strings.Join(cols, ", ") + g.listFrom(plan, list.Table, list.Way) + where(append(conds, ranged...)) + g.orderBy(list, keys)
	limit := strconv.Itoa(list.Rows)
	if list.Rows == 0 {
		limit = g.input(0, value.Int)
	}
	stmt, err := g.finish(sql + " LIMIT " + limit)
	if err == nil && list.Way == AsPlanned {
		stmt.Ways = g.ways(plan)
	}
	return stmt, err
}

// folded returns the folded filter of a client, or nil if it holds for every row.
func (g *Generator) folded(filter rule.Node) rule.Node {
	if filter == nil {
		return nil
	}
	if folded := g.fold(filter); !rule.AlwaysTrue(folded) {
		return folded
	}
	return nil
}
