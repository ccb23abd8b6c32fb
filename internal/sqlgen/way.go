package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A list can find its rows along its order until the page is full, or through an index that serves a part of the
// conditions, and then sort them. The rows decide what is cheaper. If nearly all posts of a blog are published, the walk is.
// If ten of a million documents belong to the caller, the index is. SQLite has no statistics here and always takes the
// index. PostgreSQL has no statistics about what belongs to one caller. So a list with more than one way first probes how
// many rows each way leads to, see Probe.

// Way is how a statement finds its rows.
type Way uint8

const (
	AsPlanned Way = iota // as the engine plans
	Walk                 // along the order
	FromSets             // for Count: through each value of the sets
	From                 // From + i: through starts[i] of the plan
)

// A listPlan says how the rows of a list can be found.
type listPlan struct {
	parts  []condPart
	walk   bool           // an index gives the order
	equal  []*model.Field // fields at the start of that index, each compared with a value
	starts [][]int        // indexes of parts; one index of the table serves all parts of an element
}

// planList plans a list.
func (g *Generator) planList(list List) listPlan {
	plan := listPlan{parts: g.parts(list.Table, list.Filter)}
	if list.Table.View != nil {
		return plan
	}
	plan.equal, plan.walk = g.walkIndex(list, plan.parts)
	for i, part := range plan.parts {
		if g.isStart(part) && part.equals == nil {
			plan.starts = append(plan.starts, []int{i})
		}
	}
	if !g.Dialect.HasStatistics() {
		plan.starts = append(plan.starts, g.comparedGroups(list.Table, plan)...)
	}
	return plan
}

// walkIndex returns the fields at the start of an index that are compared with values, if the index then gives the order
// of the list. Of several indexes it chooses the one with the most such fields.
func (g *Generator) walkIndex(list List, parts []condPart) (equal []*model.Field, ok bool) {
	for i, k := range list.Sort {
		if k.Desc != list.Sort[0].Desc || g.mask(k.Field) != nil || (i > 0 && k.Field.Optional) {
			return nil, false
		}
	}
	for _, index := range g.Rules.Table(list.Table).Indexes {
		n := 0
		for n < len(index) && slices.ContainsFunc(parts, func(p condPart) bool { return p.equals == index[n] }) {
			n++
		}
		for ; n >= 0; n-- {
			if isOrder(index[n:], list.Sort) {
				if !ok || n > len(equal) {
					equal, ok = index[:n], true
				}
				break
			}
		}
	}
	return equal, ok
}

// isOrder reports whether columns of an index are the keys of a sort.
func isOrder(columns []*model.Field, sort []Key) bool {
	return slices.EqualFunc(columns, sort, func(f *model.Field, k Key) bool { return f == k.Field })
}

// comparedGroups groups the parts that compare fields with values, one group for each index. It leaves out a group that
// is part of the walk or of another group: SQLite would choose blindly between two indexes.
func (g *Generator) comparedGroups(table *model.Table, plan listPlan) (all [][]int) {
	for _, index := range g.Rules.Table(table).Indexes {
		var group []int
		walked := true
		for _, field := range index {
			i := slices.IndexFunc(plan.parts, func(p condPart) bool { return p.equals == field })
			if i < 0 {
				break
			}
			group = append(group, i)
			walked = walked && slices.Contains(plan.equal, field)
		}
		within := func(a, b []int) bool {
			return !slices.ContainsFunc(a, func(i int) bool { return !slices.Contains(b, i) })
		}
		if len(group) == 0 || walked || slices.ContainsFunc(all, func(other []int) bool { return within(group, other) }) {
			continue
		}
		all = slices.DeleteFunc(all, func(other []int) bool { return within(other, group) })
		all = append(all, group)
	}
	return all
}

// isStart reports whether a part is a way of its own. An engine with statistics needs that only for sets of the caller.
func (g *Generator) isStart(p condPart) bool {
	return p.usesSet || (len(p.indexed) > 0 && !g.Dialect.HasStatistics())
}

// ways returns the ways of a list, Walk last. It returns none if the engine's own plan is as good.
func (g *Generator) ways(plan listPlan) []Way {
	var ways []Way
	for i := range plan.starts {
		ways = append(ways, From+Way(i))
	}
	if plan.walk {
		ways = append(ways, Walk)
	}
	// SQLite takes a single index by itself. PostgreSQL scans the table for a set below OR.
	if len(plan.starts) == 0 || (len(ways) < 2 && !g.Dialect.HasStatistics()) {
		return nil
	}
	return ways
}
