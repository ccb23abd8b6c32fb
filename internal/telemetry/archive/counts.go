package archive

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Counts says how often the values of the dimensions occur among records.
type Counts struct {
	Total   Tally
	Values  map[Dimension]map[string]Tally
	Oldest  time.Time // end of the oldest record; zero without one
	Partial bool      // the oldest records were not read, since there are too many
}

// A Tally counts records.
type Tally struct {
	Records int     // as they lie in the archive
	Weight  float64 // of them: how many there were
	Squares float64 // sum of the squares of the weights
	Failed  float64 // weight of the failed ones
	Time    time.Duration

	Queue, Database time.Duration // parts of Time: waiting for a turn, running statements
}

// Add adds a record with a weight.
func (t *Tally) Add(weight float64, failed bool, took time.Duration) {
	t.Records++
	t.Weight += weight
	t.Squares += weight * weight
	t.Time += time.Duration(weight * float64(took))
	if failed {
		t.Failed += weight
	}
}

// add adds the record of a body.
func (t *Tally) add(d *body) {
	weight := d.weight()
	t.Add(weight, d.failed(), d.duration())
	t.Queue += time.Duration(weight * float64(d.time(numberQueue)))
	t.Database += time.Duration(weight * float64(d.time(numberStatementTime)))
}

// size returns how many records without weights would say as much (Kish's effective sample size).
func (t *Tally) size() float64 {
	if t.Squares == 0 {
		return 0
	}
	return t.Weight * t.Weight / t.Squares
}

// maxValuesOf bounds the values that are counted of a dimension. Further values count as Other.
const maxValuesOf = 2000

// Other stands for all further values.
const Other = "(other)"

// Counts counts the values of dimensions among the records that a filter selects. Without dimensions it counts all of them.
func (a *Archive) Counts(ctx context.Context, f Filter, dimensions ...Dimension) (c Counts, err error) {
	defer errs.Wrap(&err, "archive.Counts")
	if len(dimensions) == 0 {
		dimensions = Dimensions()
	}
	if i := slices.IndexFunc(dimensions, func(d Dimension) bool { return !d.known() }); i >= 0 {
		return Counts{}, errs.New(errs.Malformed, "records have no dimension %q", errs.Clip(string(dimensions[i]), 40))
	}
	tallies := make([]map[string]*Tally, len(dimensions))
	for i := range tallies {
		tallies[i] = map[string]*Tally{}
	}
	var buf [128]byte
	c.Partial, err = a.countEach(ctx, f, func(key int64, d *body, processes map[int64]process) {
		c.Oldest = timeOf(key) // the newest come first
		c.Total.add(d)
		for i, dimension := range dimensions {
			tallyOf(tallies[i], d.valueOf(dimension, processes, buf[:0])).add(d)
		}
	})
	c.Values = map[Dimension]map[string]Tally{}
	for i, dimension := range dimensions {
		values := make(map[string]Tally, len(tallies[i]))
		for value, tally := range tallies[i] {
			values[value] = *tally
		}
		c.Values[dimension] = values
	}
	return c, err
}

func tallyOf(tallies map[string]*Tally, value []byte) *Tally {
	if tally := tallies[string(value)]; tally != nil { // the compiler makes no string for a look-up
		return tally
	}
	name := string(value)
	if len(tallies) >= maxValuesOf {
		name = Other
	}
	tally := tallies[name]
	if tally == nil {
		tally = new(Tally)
		tallies[name] = tally
	}
	return tally
}
