package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Key is one key of an order.
type Key struct {
	Field *model.Field
	Desc  bool
}

// KeyMayBeNull reports whether a sort key can be missing for the caller.
func (g *Generator) KeyMayBeNull(f *model.Field) bool { return f.Optional || g.mask(f) != nil }

// orderBy returns the ORDER BY of a range.
func (g *Generator) orderBy(list List, keys []string) string {
	order := make([]string, 0, len(keys))
	for i := list.Range.fixedKeys(); i < len(keys); i++ {
		order = append(order, keys[i]+g.direction(list, i))
	}
	if len(order) == 0 {
		return ""
	}
	return " ORDER BY " + strings.Join(order, ", ")
}

// direction returns the direction of key i.
func (g *Generator) direction(list List, i int) string {
	dir := ""
	if list.Sort[i].Desc {
		dir = " DESC"
	}
	// The key of the range itself is never NULL. Without NULLS LAST, an index serves it.
	if g.KeyMayBeNull(list.Sort[i].Field) && i > list.Range.At {
		dir += " NULLS LAST"
	}
	return dir
}

// startKey returns key i of the start row.
func (g *Generator) startKey(l List, i int) string { return g.inputOf(1+i, l.Sort[i].Field) }

// rangeConditions returns the conditions of a range. The rule guards conditions that cost more than comparisons of short
// values.
func (g *Generator) rangeConditions(list List, keys, admits []string) []string {
	rng := list.Range
	var conds, costly []string
	add := func(cheap bool, cond string) {
		if cheap || len(admits) == 0 {
			conds = append(conds, cond)
		} else {
			costly = append(costly, cond)
		}
	}
	for i, missing := range rng.Equal {
		if missing {
			add(g.mask(list.Sort[i].Field) == nil, keys[i]+" IS NULL")
		} else {
			add(g.isCheapKey(list.Sort[i].Field), g.equalsConstant(keys[i], g.startKey(list, i)))
		}
	}
	field, after := list.Sort[rng.At].Field, " > "
	if list.Sort[rng.At].Desc {
		after = " < "
	}
	switch rng.Bound {
	case KeyPresent:
		add(g.mask(field) == nil, keys[rng.At]+" IS NOT NULL")
	case KeyMissing:
		add(g.mask(field) == nil, keys[rng.At]+" IS NULL")
	case KeyAfter:
		add(g.isCheapKey(field), keys[rng.At]+after+g.startKey(list, rng.At))
	case TupleAfter:
		g.tupleAfter(list, keys, after, len(admits) > 0, add)
	}
	if len(costly) == 0 {
		return conds
	}
	return append(conds, guardedBy(admits, strings.Join(costly, " AND ")))
}

// tupleAfter compares the tuple of all keys. If the rule guards that comparison, an index finds the start by the first
// key.
func (g *Generator) tupleAfter(list List, keys []string, after string, guarded bool, add func(cheap bool, cond string)) {
	starts := make([]string, len(keys))
	cheap := true
	for i := range keys {
		starts[i] = g.startKey(list, i)
		cheap = cheap && g.isCheapKey(list.Sort[i].Field)
	}
	if guarded && !cheap && g.isCheapKey(list.Sort[0].Field) {
		add(true, keys[0]+strings.TrimRight(after, " ")+"= "+starts[0])
	}
	add(cheap, "("+strings.Join(keys, ", ")+")"+after+"("+strings.Join(starts, ", ")+")")
}
