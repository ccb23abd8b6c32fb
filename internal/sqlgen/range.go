package sqlgen

import "strings"

// A page is read as one or more ranges in turn, each of which an index can serve from its start: rows after the place
// where the last page ended that share all but the last key with it, then all but the last two, and so on; and, where a
// key can be missing, the rows in which it is, since missing values come last. A single condition with ORs would scan.

// Range is one of them.
type Range struct {
	Equal []bool // the first len(Equal) keys are those of the place; true where that key is missing there
	At    int    // the key that the range is about: len(Equal)
	Bound Bound
}

// Bound says what holds of key At in a range.
type Bound uint8

const (
	NoBound    Bound = iota // nothing: the range is all rows
	KeyPresent              // the key is there
	KeyMissing              // the key is missing
	KeyAfter                // the key comes after that of the place, in its direction
	TupleAfter              // the tuple of all keys comes after the place; all have one direction and none can be missing
)

// fixedKeys is how many leading keys are the same in the whole range.
func (r Range) fixedKeys() int {
	if r.Bound == KeyMissing {
		return r.At + 1
	}
	return len(r.Equal)
}

// Ranges are the ranges of a page: from the start where place is nil, else after the place, given as which of its keys
// are missing. mayMiss tells it of each key.
func Ranges(sort []Key, mayMiss []bool, place []bool) []Range {
	if place == nil {
		if !mayMiss[0] {
			return []Range{{}}
		}
		return []Range{{Bound: KeyPresent}, {Bound: KeyMissing}}
	}
	if uniform(sort, mayMiss) {
		return []Range{{Bound: TupleAfter}}
	}
	var ranges []Range
	for at := len(sort) - 1; at >= 0; at-- {
		if place[at] {
			continue // missing comes last: nothing comes after it among rows that share the keys before
		}
		ranges = append(ranges, Range{Equal: place[:at], At: at, Bound: KeyAfter})
		if mayMiss[at] {
			ranges = append(ranges, Range{Equal: place[:at], At: at, Bound: KeyMissing})
		}
	}
	return ranges
}

func uniform(sort []Key, mayMiss []bool) bool {
	for i := range sort {
		if mayMiss[i] || sort[i].Desc != sort[0].Desc {
			return false
		}
	}
	return true
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
