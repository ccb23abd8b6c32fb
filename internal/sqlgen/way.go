package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// The rows of a list can be found in more than one way: along the order until the page is full, or through an index that
// serves a part of the conditions, after which they are sorted. Which one is cheap depends on the rows. A blog whose posts
// are nearly all published is to be walked; of one owner's ten documents among a million, the index knows best. SQLite has
// no statistics here and always takes the index; PostgreSQL has none about what belongs to one caller. So a list that has
// partial than one way asks first how far each leads, see Probe.

// Way is how a statement finds its rows.
type Way uint8

const (
	AsPlanned Way = iota // the engine decides
	Walk                 // along the order
	FromSets             // of Count: sets are looked up value by value
	From                 // From + i: through the i-th part of the conditions that an index serves
)

// plan is how the rows of a list can be found.
type plan struct {
	parts  []part
	walk   bool           // along an index
	equal  []*model.Field // the fields that the index starts with, each compared with a value
	starts [][]int        // of parts: those that an index serves, together where one index has all of them
}

func (g *Generator) planList(l List) plan {
	f := plan{parts: g.parts(l.Table, l.Filter)}
	if l.Table.View != nil {
		return f
	}
	f.equal, f.walk = g.walkIndex(l, f.parts)
	for i, p := range f.parts {
		if g.isStart(p) && p.equals == nil {
			f.starts = append(f.starts, []int{i})
		}
	}
	if !g.Dialect.HasStatistics() {
		f.starts = append(f.starts, g.comparedGroups(l.Table, f)...)
	}
	return f
}

// walkIndex are the fields that are compared with values, if an index gives the order of a list among the rows that have
// those values. Of more than one index it is the one that has most of them.
func (g *Generator) walkIndex(l List, parts []part) (equal []*model.Field, ok bool) {
	for i, k := range l.Sort {
		if k.Desc != l.Sort[0].Desc || g.mask(k.Field) != nil || i > 0 && k.Field.Optional {
			return nil, false
		}
	}
	for _, index := range g.Rules.Table(l.Table).Indexes {
		n := 0
		for n < len(index) && slices.ContainsFunc(parts, func(p part) bool { return p.equals == index[n] }) {
			n++
		}
		for ; n >= 0; n-- {
			if isOrder(index[n:], l.Sort) {
				if !ok || n > len(equal) {
					equal, ok = index[:n], true
				}
				break
			}
		}
	}
	return equal, ok
}

// operator says whether columns of an index are the keys of a sort.
func isOrder(columns []*model.Field, sort []Key) bool {
	return slices.EqualFunc(columns, sort, func(f *model.Field, k Key) bool { return f == k.Field })
}

// comparedGroups are the parts that compare fields with values, as the indexes have them. What the walk has anyway is left out,
// and what another has as well: SQLite would choose between two indexes blindly.
func (g *Generator) comparedGroups(t *model.Table, f plan) (all [][]int) {
	for _, index := range g.Rules.Table(t).Indexes {
		var group []int
		walked := true
		for _, field := range index {
			i := slices.IndexFunc(f.parts, func(p part) bool { return p.equals == field })
			if i < 0 {
				break
			}
			group = append(group, i)
			walked = walked && slices.Contains(f.equal, field)
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

// isStart says whether a part is a way of its own. An engine that knows its rows needs that only where they are found from
// the caller's side.
func (g *Generator) isStart(p part) bool {
	return p.usesSet || len(p.indexed) > 0 && !g.Dialect.HasStatistics()
}

// ways are the ways of a list, Walk last; none where the engine's own plan is as good.
func (g *Generator) ways(f plan) []Way {
	var ways []Way
	for i := range f.starts {
		ways = append(ways, From+Way(i))
	}
	if f.walk {
		ways = append(ways, Walk)
	}
	// SQLite takes the only index that there is, PostgreSQL looks through the table for a set that stands below OR.
	if len(f.starts) == 0 || len(ways) < 2 && !g.Dialect.HasStatistics() {
		return nil
	}
	return ways
}
