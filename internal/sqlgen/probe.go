package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Probe counts how many rows the ways of a list lead to. The columns are:
//   - For each way From, the number of rows that it looks at, up to bound.
//   - If the list can be walked, two more. The first is the number of rows of the page among the next window rows of
//     the order. If these are dense enough to fill the page within bound rows, it counts that far. The second is the
//     number of rows in the window. Both are 0 if some way stays below bound.
//
// Input 0 is the number of rows that the page wants, and input 1+i is key i of the start row.
func (g *Generator) Probe(list List, bound, window int) (*Statement, error) {
	g.stopPropagation(g.folded(list.Filter), g.clientScope(list.Table, "t0"), list.Sort)
	plan := g.planList(list)
	counts, names, beyond := g.probeCounts(plan, list.Table, bound)
	if !plan.walk {
		return g.finish("SELECT " + strings.Join(counts, ", "))
	}
	wanted := g.input(0, value.Int)
	filled := func(rows int) string {
		next := g.nextRows(list, plan, rows)
		conds, _ := g.listConditions(plan, list.Table, AsPlanned)
		return countRows("SELECT 1 FROM (" + next + ") AS t0" + where(conds) + " LIMIT " + wanted)
	}
	all := strings.Join(beyond, " AND ")
	return g.finish("WITH f AS MATERIALIZED (SELECT " + strings.Join(counts, ", ") + "), " +
		"v AS MATERIALIZED (SELECT f.*, CASE WHEN " + all + " THEN " + filled(window) + " ELSE 0 END AS v FROM f), " +
		"w AS MATERIALIZED (SELECT v.*, CASE WHEN v < " + wanted + " AND v * " + strconv.Itoa(bound/window) + " >= " + wanted +
		" THEN " + filled(bound) + " ELSE v END AS w FROM v) " +
		"SELECT " + strings.Join(names, ", ") + ", w, CASE WHEN " + all + " AND w < " + wanted +
		" THEN " + countRows("SELECT 1 FROM ("+g.nextRows(list, plan, window)+") AS n") + " ELSE 0 END FROM w")
}

// ProbeCount is Probe for Count.
func (g *Generator) ProbeCount(t *model.Table, filter rule.Node, bound int) (*Statement, error) {
	counts, _, _ := g.probeCounts(g.planList(List{Table: t, Filter: filter, Sort: []Key{{Field: t.ID()}}}), t, bound)
	return g.finish("SELECT " + strings.Join(counts, ", "))
}

// probeCounts returns columns that count the rows of the ways From up to a bound, the names of the columns, and
// conditions that a count reaches the bound.
func (g *Generator) probeCounts(plan listPlan, table *model.Table, bound int) (columns, names, beyond []string) {
	for i := range plan.starts {
		name := "c" + strconv.Itoa(i)
		names = append(names, name)
		columns = append(columns, countRows("SELECT 1 FROM ("+g.candidates(plan, table, From+Way(i))+") AS c LIMIT "+strconv.Itoa(bound))+" AS "+name)
		beyond = append(beyond, name+" >= "+strconv.Itoa(bound))
	}
	return columns, names, beyond
}

func countRows(query string) string { return "(SELECT count(*) FROM (" + query + ") AS n)" }

// nextRows returns a query for the next rows of the order, whether they meet the conditions or not.
func (g *Generator) nextRows(list List, plan listPlan, rows int) string {
	keys := make([]string, len(list.Sort))
	for i, k := range list.Sort {
		keys[i] = g.field(k.Field, "q", true)
	}
	conds := g.rangeConditions(list, keys, nil) // keys of an index are short
	for _, part := range plan.parts {
		sc := g.partScope(list.Table, "q", part.client)
		onIndex := part.equals != nil && slices.Contains(plan.equal, part.equals)
		if onIndex || (comparesKey(part.node, list.Sort[0].Field) && g.isCheap(part.node, sc)) {
			conds = append(conds, g.cond(part.node, sc, admit))
		}
	}
	return "SELECT q.*" + g.from(list.Table, "q") + where(conds) + g.orderBy(list, keys) + " LIMIT " + strconv.Itoa(rows)
}
