package metric

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Bounds of the buckets of native histograms. Each bucket ends at 2^(n/8) seconds, so it is 9 % wide: schema 3 of
// Prometheus. Durations up to the first bound count as zero, and longer ones than the last as that.
const (
	schema  = 3
	perTwo  = 1 << schema // buckets from a duration to its double
	firstAt = -18 * perTwo
	lastAt  = 7 * perTwo
)

// A layout divides durations into cells. No cell crosses a bound of a classic bucket or of a native one. So one count in
// one cell is a count in both.
type layout struct {
	bounds  []float64  // of the classic buckets, in seconds
	upper   []int64    // longest duration of each cell, in nanoseconds
	native  []int      // native bucket of each cell, from 0; the first one counts zeros
	classic []int      // classic bucket of each cell, from 0; the last one has no bound
	start   [65]uint16 // first cell that durations of so many bits may belong to
}

// newLayout returns the layout of some classic bounds. It leaves bounds out that are not positive or longer than two
// minutes.
func newLayout(bounds ...time.Duration) *layout {
	bounds = slices.Clone(bounds)
	slices.Sort(bounds)
	l := &layout{}
	var cuts, limits []int64
	for n := firstAt; n <= lastAt; n++ {
		cuts = append(cuts, boundOf(n))
	}
	ends := slices.Clone(cuts)
	for _, bound := range slices.Compact(bounds) {
		if bound > 0 && int64(bound) < ends[len(ends)-1] {
			l.bounds = append(l.bounds, bound.Seconds())
			limits = append(limits, int64(bound))
			cuts = append(cuts, int64(bound))
		}
	}
	slices.Sort(cuts)
	l.upper = slices.Compact(cuts)
	for _, upper := range l.upper {
		native, _ := slices.BinarySearch(ends, upper)
		classic, _ := slices.BinarySearch(limits, upper)
		l.native, l.classic = append(l.native, native), append(l.classic, classic)
	}
	for n := range l.start {
		shortest := int64(0)
		if n > 0 {
			shortest = int64(min(uint64(1)<<(n-1), math.MaxInt64))
		}
		cell, _ := slices.BinarySearch(l.upper, shortest)
		l.start[n] = uint16(min(cell, len(l.upper)-1))
	}
	return l
}

// boundOf returns the end of a native bucket in nanoseconds.
func boundOf(n int) int64 { return int64(math.Floor(math.Exp2(float64(n)/perTwo) * 1e9)) }

// cell returns the cell of a duration.
func (l *layout) cell(took time.Duration) int {
	nanoseconds := max(0, int64(took))
	cell := int(l.start[bits.Len64(uint64(nanoseconds))])
	for cell < len(l.upper)-1 && l.upper[cell] < nanoseconds {
		cell++
	}
	return cell
}
