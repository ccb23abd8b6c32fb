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

// KeyMayBeNull says whether a sort key can be missing in the caller's eyes.
func (g *Generator) KeyMayBeNull(f *model.Field) bool { return f.Optional || g.mask(f) != nil }

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

// startKey is key i of the place that a page starts after.
func (g *Generator) startKey(l List, i int) string { return g.inputOf(1+i, l.Sort[i].Field) }

// rangeConditions writes the conditions of a range. Those that cost more than a comparison of short values stand behind the rule.
func (g *Generator) rangeConditions(l List, keys, admits []string) []string {
	r := l.Range
	var conds, dear []string
	add := func(cheap bool, cond string) {
		if cheap || len(admits) == 0 {
			conds = append(conds, cond)
		} else {
			dear = append(dear, cond)
		}
	}
	for i, missing := range r.Equal {
		if missing {
			add(g.mask(l.Sort[i].Field) == nil, keys[i]+" IS NULL")
		} else {
			add(g.isCheapKey(l.Sort[i].Field), g.equalsConstant(keys[i], g.startKey(l, i)))
		}
	}
	field, after := l.Sort[r.At].Field, " > "
	if l.Sort[r.At].Desc {
		after = " < "
	}
	switch r.Bound {
	case KeyPresent:
		add(g.mask(field) == nil, keys[r.At]+" IS NOT NULL")
	case KeyMissing:
		add(g.mask(field) == nil, keys[r.At]+" IS NULL")
	case KeyAfter:
		add(g.isCheapKey(field), keys[r.At]+after+g.startKey(l, r.At))
	case TupleAfter:
		g.tupleAfter(l, keys, after, len(admits) > 0, add)
	}
	if len(dear) == 0 {
		return conds
	}
	return append(conds, guardedBy(admits, strings.Join(dear, " AND ")))
}

// tupleAfter compares the tuple of all keys. Where that stands behind a rule, an index finds the start by the first key.
func (g *Generator) tupleAfter(l List, keys []string, after string, ruled bool, add func(cheap bool, cond string)) {
	places := make([]string, len(keys))
	cheap := true
	for i := range keys {
		places[i] = g.startKey(l, i)
		cheap = cheap && g.isCheapKey(l.Sort[i].Field)
	}
	if ruled && !cheap && g.isCheapKey(l.Sort[0].Field) {
		add(true, keys[0]+strings.TrimRight(after, " ")+"= "+places[0])
	}
	add(cheap, "("+strings.Join(keys, ", ")+")"+after+"("+strings.Join(places, ", ")+")")
}
