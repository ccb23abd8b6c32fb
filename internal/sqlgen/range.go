package sqlgen

// A page starts after the last row of the page before, the start row. It is read as one or more ranges, one after the
// other. The first range has the rows that share all keys but the last with the start row. The second shares all but the
// last two keys, and so on. If a key can be missing, the rows without it are a range of their own, since missing values
// come last. An index serves each range from its start. One condition with ORs would scan.

// A Range is a part of a page whose rows an index finds from the start of the range.
type Range struct {
	Equal []bool // one for each leading key that equals the start row's; true if that key is missing
	At    int    // the key that the range is about: len(Equal)
	Bound Bound
}

// Bound says what holds for key At of a range.
type Bound uint8

const (
	NoBound    Bound = iota // the range is all rows
	KeyPresent              // the key has a value
	KeyMissing              // the key is missing
	KeyAfter                // the key comes after the start row's, in its direction
	TupleAfter              // the tuple of all keys comes after the start row's; the keys are uniform
)

// fixedKeys returns how many leading keys are the same in the whole range.
func (r Range) fixedKeys() int {
	if r.Bound == KeyMissing {
		return r.At + 1
	}
	return len(r.Equal)
}

// Ranges returns the ranges of a page in the order of its rows. start tells which keys of the start row are missing.
// It is nil for the first page. nullable tells which keys can be missing.
func Ranges(sort []Key, nullable []bool, start []bool) []Range {
	if start == nil {
		if !nullable[0] {
			return []Range{{}}
		}
		return []Range{{Bound: KeyPresent}, {Bound: KeyMissing}}
	}
	if uniform(sort, nullable) {
		return []Range{{Bound: TupleAfter}}
	}
	var ranges []Range
	for at := len(sort) - 1; at >= 0; at-- {
		if start[at] {
			continue // missing values come last, so nothing comes after one
		}
		ranges = append(ranges, Range{Equal: start[:at], At: at, Bound: KeyAfter})
		if nullable[at] {
			ranges = append(ranges, Range{Equal: start[:at], At: at, Bound: KeyMissing})
		}
	}
	return ranges
}

// uniform reports whether all keys have one direction and none can be missing.
func uniform(sort []Key, nullable []bool) bool {
	for i := range sort {
		if nullable[i] || sort[i].Desc != sort[0].Desc {
			return false
		}
	}
	return true
}
