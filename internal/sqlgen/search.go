package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// listConditions writes the parts for one way. What an index serves, and the way does not use, is hidden from the planner. What
// a client asks that costs more than comparisons stands behind the rule, which admits are the conditions of.
func (g *Generator) listConditions(f plan, t *model.Table, way Way) (conds, admits []string) {
	for i, p := range f.parts {
		sc := g.partScope(t, "t0", p.client)
		sc.lookUpSets = way == FromSets
		cond := ""
		if !p.client || g.isCheap(p.node, sc) {
			cond = g.conjunct(p.node, sc)
		} else {
			cond = guardedBy(admits, g.cond(p.node, sc, admit)) // the parts of the rule come first
		}
		if g.isStart(p) && !g.leavesToPlanner(f, way, i) {
			cond = hideFromIndex(cond)
		}
		if !p.client {
			admits = append(admits, cond)
		}
		conds = append(conds, cond)
	}
	if way >= From && g.Dialect.HasStatistics() && g.singleSet(f, way) == nil {
		conds = append(conds, g.Dialect.InQuery(column("t0", "id"), g.candidates(f, t, way)))
	}
	return conds, admits
}

// rows is the table as a list reads it: the rows that one set leads to, or all of them.
func (g *Generator) listFrom(f plan, t *model.Table, way Way) string {
	if way >= From && g.Dialect.HasStatistics() {
		if p := g.singleSet(f, way); p != nil {
			if s, ok := g.setFor(p.indexed[0], g.partScope(t, "q", p.client)); ok {
				g.addTable(t)
				return " FROM (" + g.Dialect.RowsWith("q.*", t.Name, s.field.Name, s.query) + ") AS t0"
			}
		}
	}
	return g.from(t, "t0")
}

// singleSet is the part that a way starts from where that is one set, which has each row once.
func (g *Generator) singleSet(f plan, way Way) *part {
	if p := &f.parts[f.starts[way-From][0]]; p.usesSet && len(p.indexed) == 1 {
		return p
	}
	return nil
}

// leavesToPlanner says whether a way leaves a part to the planner.
func (g *Generator) leavesToPlanner(f plan, way Way, i int) bool {
	switch p := f.parts[i]; way {
	case AsPlanned, FromSets:
		return true
	case Walk:
		return p.equals != nil && slices.Contains(f.equal, p.equals)
	default:
		return !g.Dialect.HasStatistics() && slices.Contains(f.starts[way-From], i)
	}
}

// hideFromIndex is a condition of which no planner makes a search by an index. Where it is NULL it is not true either way.
func hideFromIndex(cond string) string { return "((" + cond + ") IS TRUE)" }

// candidates is a query of the ids of the rows that one part of the conditions leads to.
func (g *Generator) candidates(f plan, t *model.Table, way Way) string {
	group := f.starts[way-From]
	if len(group) > 1 || f.parts[group[0]].equals != nil {
		conds := make([]string, len(group))
		for i, n := range group {
			conds[i] = g.cond(f.parts[n].node, g.partScope(t, "q", f.parts[n].client), admit)
		}
		return "SELECT " + column("q", "id") + g.from(t, "q") + where(conds)
	}
	p := f.parts[group[0]]
	queries := make([]string, len(p.indexed))
	for i, n := range p.indexed {
		if p.usesSet {
			if s, ok := g.setFor(n, g.partScope(t, "q", p.client)); ok {
				queries[i] = g.Dialect.RowsWith(column("q", "id"), t.Name, s.field.Name, s.query)
				continue
			}
		}
		queries[i] = "SELECT " + column("q", "id") + g.from(t, "q") + where([]string{g.cond(n, g.partScope(t, "q", p.client), admit)})
	}
	return strings.Join(queries, " UNION ALL ")
}
