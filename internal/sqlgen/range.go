package sqlgen

import "strings"

// A page is read as one or more ranges in turn, each of which an index can serve from its start: rows after the place
// where the last page ended that share all but the last key with it, then all but the last two, and so on; and, where a
// key can be missing, the rows in which it is, since missing values come last. A single condition with ORs would scan.

// Range is one of them.
type Range struct {
	Equal []bool // the first len(Equal) keys are those of the place; true where that key is missing there
	At    int    // the key that the range is about: len(Equal)
	Where Where
}

// Where says what holds of key At in a range.
type Where uint8

const (
	Anywhere   Where = iota // nothing: the range is all rows
	Present                 // the key is there
	Missing                 // the key is missing
	AfterPlace              // the key comes after that of the place, in its direction
	RowAfter                // the tuple of all keys comes after the place; all have one direction and none can be missing
)

// fixed is how many leading keys are the same in the whole range.
func (r Range) fixed() int {
	if r.Where == Missing {
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
		return []Range{{Where: Present}, {Where: Missing}}
	}
	if uniform(sort, mayMiss) {
		return []Range{{Where: RowAfter}}
	}
	var ranges []Range
	for at := len(sort) - 1; at >= 0; at-- {
		if place[at] {
			continue // missing comes last: nothing comes after it among rows that share the keys before
		}
		ranges = append(ranges, Range{Equal: place[:at], At: at, Where: AfterPlace})
		if mayMiss[at] {
			ranges = append(ranges, Range{Equal: place[:at], At: at, Where: Missing})
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

// place is key i of the place that a page starts after.
func (g *Generator) place(l List, i int) string { return g.inputOf(1+i, l.Sort[i].Field) }

// ranged writes the conditions of a range. Those that cost more than a comparison of short values stand behind the rule.
func (g *Generator) ranged(l List, keys, admits []string) []string {
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
			add(g.cheapKey(l.Sort[i].Field), g.isConstant(keys[i], g.place(l, i)))
		}
	}
	field, after := l.Sort[r.At].Field, " > "
	if l.Sort[r.At].Desc {
		after = " < "
	}
	switch r.Where {
	case Present:
		add(g.mask(field) == nil, keys[r.At]+" IS NOT NULL")
	case Missing:
		add(g.mask(field) == nil, keys[r.At]+" IS NULL")
	case AfterPlace:
		add(g.cheapKey(field), keys[r.At]+after+g.place(l, r.At))
	case RowAfter:
		g.rowAfter(l, keys, after, len(admits) > 0, add)
	}
	if len(dear) == 0 {
		return conds
	}
	return append(conds, behind(admits, strings.Join(dear, " AND ")))
}

// rowAfter compares the tuple of all keys. Where that stands behind a rule, an index finds the start by the first key.
func (g *Generator) rowAfter(l List, keys []string, after string, ruled bool, add func(cheap bool, cond string)) {
	places := make([]string, len(keys))
	cheap := true
	for i := range keys {
		places[i] = g.place(l, i)
		cheap = cheap && g.cheapKey(l.Sort[i].Field)
	}
	if ruled && !cheap && g.cheapKey(l.Sort[0].Field) {
		add(true, keys[0]+strings.TrimRight(after, " ")+"= "+places[0])
	}
	add(cheap, "("+strings.Join(keys, ", ")+")"+after+"("+strings.Join(places, ", ")+")")
}
