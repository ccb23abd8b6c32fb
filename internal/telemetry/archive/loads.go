package archive

import (
	"context"
	"math"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Load sums the records of one value of a dimension in one step of time. Weights count.
type Load struct {
	Count      float64
	Failed     float64
	Refused    float64 // answered by a status from 400 to 498
	Statements float64
	Durations  Spread
}

// Add adds another load.
func (l *Load) Add(other Load) {
	l.Count += other.Count
	l.Failed += other.Failed
	l.Refused += other.Refused
	l.Statements += other.Statements
	l.Durations.Merge(other.Durations)
}

// A Spread counts durations by their size. Its cell n has those up to 2^(n/8) µs, so a cell is 9 % wide.
type Spread []float32

// perOctave is the number of cells from a duration to its double, and maxCells bounds a spread: 2^30 µs are 18 minutes.
const (
	perOctave = 8
	maxCells  = 30 * perOctave
)

// Add adds a duration with a weight.
func (s *Spread) Add(took time.Duration, weight float64) {
	cell := 0
	if took > time.Microsecond {
		cell = min(maxCells, int(math.Ceil(perOctave*math.Log2(float64(took)/float64(time.Microsecond)))))
	}
	s.grow(cell + 1)
	(*s)[cell] += float32(weight)
}

func (s *Spread) grow(cells int) {
	for len(*s) < cells {
		*s = append(*s, 0)
	}
}

// Merge adds another spread.
func (s *Spread) Merge(other Spread) {
	s.grow(len(other))
	for cell, weight := range other {
		(*s)[cell] += weight
	}
}

// Quantile returns the duration that a share of the durations does not exceed. Without durations it returns 0.
func (s Spread) Quantile(share float64) time.Duration {
	total := 0.0
	for _, weight := range s {
		total += float64(weight)
	}
	rest := share * total
	for cell, weight := range s {
		if w := float64(weight); w > 0 {
			if rest <= w {
				position := float64(cell) - 1 + rest/w // inside of the cell
				return time.Duration(math.Exp2(position/perOctave) * float64(time.Microsecond))
			}
			rest -= w
		}
	}
	return 0
}

// loadChunk is the time that one read is about. Reads hold the log of the file, and should be short.
const loadChunk = 10 * time.Minute

// Loads returns the loads of each value of a dimension among the records that a filter selects. The list of a value has a load
// for each step from f.From to f.To, whose length is a multiple of the step.
func (a *Archive) Loads(ctx context.Context, f Filter, step time.Duration, by Dimension) (_ map[string][]Load, err error) {
	defer errs.Wrap(&err, "archive.Loads")
	if step <= 0 || !f.From.Before(f.To) || !by.known() {
		return nil, errs.New(errs.Malformed, "loads need a time to begin before its end, a step and a dimension")
	}
	steps := int(f.To.Sub(f.From) / step)
	if steps > maxValues {
		return nil, errs.New(errs.Malformed, "there would be more than %d loads: choose a longer step, or less time", maxValues)
	}
	loads, from := map[string][]Load{}, f.From
	var buf [128]byte
	count := func(key int64, d *body, processes map[int64]process) {
		at := min(steps-1, int(timeOf(key).Sub(from)/step))
		value := d.valueOf(by, processes, buf[:0])
		list := loads[string(value)]
		if list == nil {
			name := string(value)
			if len(loads) >= maxValuesOf {
				name = Other
			}
			if list = loads[name]; list == nil {
				list = make([]Load, steps)
				loads[name] = list
			}
		}
		list[at].count(d)
	}
	for to := f.To; f.From.Before(to); f.From = f.From.Add(loadChunk) {
		if f.To = f.From.Add(loadChunk); f.To.After(to) {
			f.To = to
		}
		if _, err := a.countEach(ctx, f, count); err != nil {
			return nil, err
		}
	}
	return loads, nil
}

func (l *Load) count(d *body) {
	weight := d.weight()
	l.Count += weight
	l.Statements += weight * float64(d.numbers[numberStatements])
	if d.failed() {
		l.Failed += weight
	} else if status := d.numbers[numberStatus]; status >= 400 && status < 499 {
		l.Refused += weight
	}
	l.Durations.Add(d.duration(), weight)
}
