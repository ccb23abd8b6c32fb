package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Probe asks how far the ways of a list lead. Its columns are, for each way From, how many rows it has to look at, up to a
// bound. Where none comes to its end and the rows can be walked, two more say how many rows of the page are among the next
// rows of the order, and how many rows follow there at all, up to a window; else they are 0. If those rows are dense enough
// to fill the page within as many rows as the bound, the first of the two counts that far. Input 0 is how many rows the
// page wants, input 1+i key i of the place to go on from.
func (g *Generator) Probe(l List, bound, window int) (*Statement, error) {
	g.stopPropagation(g.folded(l.Filter), g.clientScope(l.Table, "t0"), l.Sort)
	f := g.planList(l)
	counts, names, beyond := g.probeCounts(f, l.Table, bound)
	if !f.walk {
		return g.finish("SELECT " + strings.Join(counts, ", "))
	}
	wanted := g.input(0, value.Int)
	filled := func(rows int) string {
		next := g.nextRows(l, f, rows)
		conds, _ := g.listConditions(f, l.Table, AsPlanned)
		return countRows("SELECT 1 FROM (" + next + ") AS t0" + where(conds) + " LIMIT " + wanted)
	}
	all := strings.Join(beyond, " AND ")
	return g.finish("WITH f AS MATERIALIZED (SELECT " + strings.Join(counts, ", ") + "), " +
		"v AS MATERIALIZED (SELECT f.*, CASE WHEN " + all + " THEN " + filled(window) + " ELSE 0 END AS v FROM f), " +
		"w AS MATERIALIZED (SELECT v.*, CASE WHEN v < " + wanted + " AND v * " + strconv.Itoa(bound/window) + " >= " + wanted +
		" THEN " + filled(bound) + " ELSE v END AS w FROM v) " +
		"SELECT " + strings.Join(names, ", ") + ", w, CASE WHEN " + all + " AND w < " + wanted +
		" THEN " + countRows("SELECT 1 FROM ("+g.nextRows(l, f, window)+") AS n") + " ELSE 0 END FROM w")
}

// ProbeCount is Probe for Count.
func (g *Generator) ProbeCount(t *model.Table, filter rule.Node, bound int) (*Statement, error) {
	counts, _, _ := g.probeCounts(g.planList(List{Table: t, Filter: filter, Sort: []Key{{Field: t.ID()}}}), t, bound)
	return g.finish("SELECT " + strings.Join(counts, ", "))
}

// probeCounts are columns that count the rows of the ways From up to a bound, their names, and conditions that they reach it.
func (g *Generator) probeCounts(f plan, t *model.Table, bound int) (columns, names, beyond []string) {
	for i := range f.starts {
		name := "c" + strconv.Itoa(i)
		names = append(names, name)
		columns = append(columns, countRows("SELECT 1 FROM ("+g.candidates(f, t, From+Way(i))+") AS c LIMIT "+strconv.Itoa(bound))+" AS "+name)
		beyond = append(beyond, name+" >= "+strconv.Itoa(bound))
	}
	return columns, names, beyond
}

func countRows(query string) string { return "(SELECT count(*) FROM (" + query + ") AS n)" }

// nextRows is a query of the next rows of the order, whether the conditions hold or not.
func (g *Generator) nextRows(l List, f plan, rows int) string {
	keys := make([]string, len(l.Sort))
	for i, k := range l.Sort {
		keys[i] = g.field(k.Field, "q", true)
	}
	conds := g.rangeConditions(l, keys, nil) // the keys are in an index, so they are short
	for _, p := range f.parts {
		sc := g.partScope(l.Table, "q", p.client)
		if p.equals != nil && slices.Contains(f.equal, p.equals) || comparesKey(p.node, l.Sort[0].Field) && g.isCheap(p.node, sc) {
			conds = append(conds, g.cond(p.node, sc, admit))
		}
	}
	return "SELECT q.*" + g.from(l.Table, "q") + where(conds) + g.orderBy(l, keys) + " LIMIT " + strconv.Itoa(rows)
}
