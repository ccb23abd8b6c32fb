package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// listConditions writes the parts for one way. It hides from the planner what an index serves and the way does not use.
// The rule, whose conditions are admits, guards the client's costly parts.
func (g *Generator) listConditions(plan listPlan, table *model.Table, way Way) (conds, admits []string) {
	for i, part := range plan.parts {
		sc := g.partScope(table, "t0", part.client)
		sc.lookUpSets = way == FromSets
		cond := ""
		if !part.client || g.isCheap(part.node, sc) {
			cond = g.conjunct(part.node, sc)
		} else {
			cond = guardedBy(admits, g.cond(part.node, sc, admit)) // the parts of the rule come first
		}
		if g.isStart(part) && !g.leavesToPlanner(plan, way, i) {
			cond = hideFromIndex(cond)
		}
		if !part.client {
			admits = append(admits, cond)
		}
		conds = append(conds, cond)
	}
	if way >= From && g.Dialect.HasStatistics() && g.singleSet(plan, way) == nil {
		conds = append(conds, g.Dialect.InQuery(column("t0", "id"), g.candidates(plan, table, way)))
	}
	return conds, admits
}

// listFrom returns the FROM of a list: the rows that one set leads to, or the table.
func (g *Generator) listFrom(plan listPlan, table *model.Table, way Way) string {
	if way >= From && g.Dialect.HasStatistics() {
		if part := g.singleSet(plan, way); part != nil {
			if s, ok := g.setFor(part.indexed[0], g.partScope(table, "q", part.client)); ok {
				g.addTable(table)
				return " FROM (" + g.Dialect.RowsWith("q.*", table.Name, s.field.Name, s.query) + ") AS t0"
			}
		}
	}
	return g.from(table, "t0")
}

// singleSet returns the part that a way starts from if it is one set, else nil. One set leads to each row once.
func (g *Generator) singleSet(plan listPlan, way Way) *condPart {
	if p := &plan.parts[plan.starts[way-From][0]]; p.usesSet && len(p.indexed) == 1 {
		return p
	}
	return nil
}

// leavesToPlanner reports whether a way leaves part i to the planner.
func (g *Generator) leavesToPlanner(plan listPlan, way Way, i int) bool {
	switch part := plan.parts[i]; way {
	case AsPlanned, FromSets:
		return true
	case Walk:
		return part.equals != nil && slices.Contains(plan.equal, part.equals)
	default:
		return !g.Dialect.HasStatistics() && slices.Contains(plan.starts[way-From], i)
	}
}

// hideFromIndex returns a condition that no planner searches for in an index. It is not true where the condition is
// NULL.
func hideFromIndex(cond string) string { return "((" + cond + ") IS TRUE)" }

// candidates returns a query for the ids of the rows that a way leads to.
func (g *Generator) candidates(plan listPlan, table *model.Table, way Way) string {
	group := plan.starts[way-From]
	if len(group) > 1 || plan.parts[group[0]].equals != nil {
		conds := make([]string, len(group))
		for i, n := range group {
			conds[i] = g.cond(plan.parts[n].node, g.partScope(table, "q", plan.parts[n].client), admit)
		}
		return "SELECT " + column("q", "id") + g.from(table, "q") + where(conds)
	}
	part := plan.parts[group[0]]
	queries := make([]string, len(part.indexed))
	for i, node := range part.indexed {
		if part.usesSet {
			if s, ok := g.setFor(node, g.partScope(table, "q", part.client)); ok {
				queries[i] = g.Dialect.RowsWith(column("q", "id"), table.Name, s.field.Name, s.query)
				continue
			}
		}
		queries[i] = "SELECT " + column("q", "id") + g.from(table, "q") + where([]string{g.cond(node, g.partScope(table, "q", part.client), admit)})
	}
	return strings.Join(queries, " UNION ALL ")
}
