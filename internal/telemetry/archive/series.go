package archive

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Line is one series of metrics over time.
type Line struct {
	Series  string // in the text form of Prometheus: name{label="value"}
	Counter bool
	Step    time.Duration // between two values; longer than asked for where the archive has no finer ones
	Values  []Value       // in order of time; none where nothing was measured
}

// A Value is the value of a series in one step of time.
type Value struct {
	At       time.Time // the begin of the step
	Last     float64   // of a gauge; the increase in the step of a counter
	Min, Max float64   // of a gauge
}

// maxValues bounds the values of a line.
const maxValues = 11_000

// Series returns the lines of the named series between two times, in steps of at least step. A name without labels stands
// for all series of that metric. The tier with the coarsest fitting step answers.
func (a *Archive) Series(ctx context.Context, from, to time.Time, step time.Duration, names ...string) (lines []Line, err error) {
	defer errs.Wrap(&err, "archive.Series")
	if !from.Before(to) || step <= 0 {
		return nil, errs.New(errs.Malformed, "a chart needs a time to begin before its end, and a step")
	}
	tier := tierFor(a.cfg.Now(), from, step)
	factor := max(1, int64(step/spans[tier].step))
	step = time.Duration(factor) * spans[tier].step
	if to.Sub(from)/step > maxValues {
		return nil, errs.New(errs.Malformed, "the chart would have more than %d values: choose a longer step, or less time", maxValues)
	}
	err = a.read(ctx, func(conn *lite.Conn) error {
		r := lineReader{conn: conn, tier: tier, from: slotOf(from, spans[tier].step), to: slotOf(to.Add(spans[tier].step-1), spans[tier].step)}
		if err := r.find(names); err != nil {
			return err
		}
		if err := r.blocks(); err != nil {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
		for _, id := range r.order {
			lines = append(lines, r.line(id, factor, step))
		}
		return nil
	})
	return lines, err
}

// SeriesNames returns the names of all series of the archive, sorted.
func (a *Archive) SeriesNames(ctx context.Context) (names []string, err error) {
	err = a.read(ctx, func(conn *lite.Conn) error {
		return query(conn, selectSeries, func(row *lite.Stmt) error {
			names = append(names, row.ColumnText(1))
			return nil
		})
	})
	slices.Sort(names)
	return names, err
}

// tierFor returns the coarsest tier with at most that step. If it does not reach back to from, a coarser one is returned.
func tierFor(now, from time.Time, step time.Duration) int {
	tier := len(spans) - 1
	for tier > 0 && spans[tier].step > step {
		tier--
	}
	for tier < len(spans)-1 && now.Sub(from) > spans[tier].keep+time.Minute {
		tier++
	}
	return tier
}

func slotOf(at time.Time, step time.Duration) int64 { return at.UnixNano() / int64(step) }

// lineReader reads the samples of a few series.
type lineReader struct {
	conn     *lite.Conn
	tier     int
	from, to int64 // slots of the tier; to is not read
	order    []int64
	found    map[int64]*foundSeries
}

type foundSeries struct {
	name    string
	counter bool
	samples []sample
}

// find looks up the series of the names.
func (r *lineReader) find(names []string) error {
	r.found = map[int64]*foundSeries{}
	err := query(r.conn, selectSeries, func(row *lite.Stmt) error {
		name := row.ColumnText(1)
		metric, _, _ := strings.Cut(name, "{")
		if slices.Contains(names, name) || slices.Contains(names, metric) {
			r.found[row.ColumnInt64(0)] = &foundSeries{name: name, counter: row.ColumnBool(2)}
			r.order = append(r.order, row.ColumnInt64(0))
		}
		return nil
	})
	slices.SortFunc(r.order, func(x, y int64) int { return cmp.Compare(r.found[x].name, r.found[y].name) })
	return err
}

// blocks reads the blocks of the tier.
func (r *lineReader) blocks() error {
	size := int64(spans[r.tier].block / spans[r.tier].step)
	var body []byte
	for start := r.from / size; start <= (r.to-1)/size; start++ {
		for id, series := range r.found {
			err := query(r.conn, selectBlock, func(row *lite.Stmt) error {
				body = blob(row, 0, body)
				series.samples = readBlock(series.samples, body)
				return nil
			}, blockKey(r.tier, start, id))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const selectTicks = `SELECT slot, body FROM ticks WHERE slot >= ?1 AND slot < ?2 ORDER BY slot`

// open reads the ticks that are in no block yet.
func (r *lineReader) open() error {
	fine := int64(spans[r.tier].step / tickStep)
	ticks := map[int64][]sample{}
	numbers := slices.Sorted(maps.Keys(r.found))
	var body []byte
	err := query(r.conn, selectTicks, func(row *lite.Stmt) error {
		slot := row.ColumnInt64(0)
		body = blob(row, 1, body)
		pickValues(body, numbers, func(v value) {
			ticks[v.series] = append(ticks[v.series], sample{slot, v.value, v.value, v.value})
		})
		return nil
	}, r.from*fine, r.to*fine)
	if err != nil {
		return err
	}
	for id, samples := range ticks {
		series := r.found[id]
		series.samples = mergeSamples(series.samples, coarser(samples, fine, series.counter), series.counter)
	}
	return nil
}

// line returns what was read of a series, in steps of factor slots.
func (r *lineReader) line(id, factor int64, step time.Duration) Line {
	series := r.found[id]
	line := Line{Series: series.name, Counter: series.counter, Step: step}
	inside := slices.DeleteFunc(series.samples, func(s sample) bool { return s.slot < r.from || s.slot >= r.to })
	for _, s := range coarser(inside, factor, series.counter) {
		v := Value{At: time.Unix(0, s.slot*int64(step)), Last: s.last, Min: s.min, Max: s.max}
		if series.counter {
			v.Min, v.Max = v.Last, v.Last
		}
		line.Values = append(line.Values, v)
	}
	return line
}
