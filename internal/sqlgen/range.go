package sqlgen

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
