package fleet

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// maxValues bounds the values of a line.
const maxValues = 11_000

// Series returns the lines of the named metrics over all nodes, as archive.Archive.Series does for one. Counters and most
// gauges are sums. The steps are two minutes long at least, and an hour for times before yesterday.
func (f *Fleet) Series(ctx context.Context, from, to time.Time, length time.Duration, names ...string) (_ []archive.Line, err error) {
	defer errs.Wrap(&err, "fleet.Series")
	if !from.Before(to) || length <= 0 {
		return nil, errs.New(errs.Malformed, "a chart needs a time to begin before its end, and a step")
	}
	now := f.now()
	base := step
	if now.Sub(from) > keepStep {
		base = time.Hour
	}
	length = max(base, length.Truncate(base))
	if end := horizon(now).Truncate(step).Add(step); to.After(end) {
		to = end
	}
	if to.Sub(from)/length > maxValues {
		return nil, errs.New(errs.Malformed, "the chart would have more than %d values: choose a longer step, or less time", maxValues)
	}
	c := charts{length: length, lines: map[string]map[int64]float64{}, nodes: map[string]*gaugeReading{}}
	err = f.cfg.Store.Read(ctx, func(r store.Reader) error {
		c.reset()
		if base == time.Hour {
			if err := readRows(r, hourTier, from, to, c.addHour); err != nil {
				return err
			}
		}
		return readRows(r, stepTier, from, to, c.addStep)
	})
	if err != nil {
		return nil, err
	}
	return c.finish(names), nil
}

// charts sums up rows in steps of a length.
type charts struct {
	length time.Duration
	lines  map[string]map[int64]float64 // values by short name and number of the step
	gauges map[string]bool              // short names of gauges
	nodes  map[string]*gaugeReading     // by name
}

// gaugeReading is the last gauges of a node in a step.
type gaugeReading struct {
	slot   int64
	at     time.Time
	gauges map[string]float64
}

func (c *charts) reset() {
	c.lines, c.gauges, c.nodes = map[string]map[int64]float64{}, map[string]bool{}, map[string]*gaugeReading{}
}

func (c *charts) slot(at time.Time) int64 { return at.UnixNano() / int64(c.length) }

// line returns the values of a short name.
func (c *charts) line(name string) map[int64]float64 {
	if c.lines[name] == nil {
		c.lines[name] = map[int64]float64{}
	}
	return c.lines[name]
}

func (c *charts) addCounters(r *row) {
	slot := c.slot(r.at)
	for name, value := range r.sum.Counters {
		c.line(name)[slot] += value
	}
}

// addHour adds the row of an hour. It holds the last gauges of all nodes.
func (c *charts) addHour(r row) {
	c.addCounters(&r)
	slot := c.slot(r.at)
	for name, value := range r.sum.Gauges {
		c.gauges[name] = true
		c.line(name)[slot] = value
	}
}

// addStep adds a row of one node. The last gauges of the node in a step of the chart count.
func (c *charts) addStep(r row) {
	c.addCounters(&r)
	slot := c.slot(r.at)
	known := c.nodes[r.node]
	if known == nil {
		known = &gaugeReading{}
		c.nodes[r.node] = known
	}
	if known.slot != slot {
		c.settle(known)
	}
	if known.slot != slot || r.at.After(known.at) {
		known.slot, known.at, known.gauges = slot, r.at, map[string]float64{}
	}
	addGauges(known.gauges, r.sum.Gauges) // two processes of one name at the same time
}

// settle adds the gauges of a node to the step that they belong to.
func (c *charts) settle(g *gaugeReading) {
	for name, value := range g.gauges {
		c.gauges[name] = true
		at := map[string]float64{name: c.line(name)[g.slot]}
		addGauges(at, map[string]float64{name: value})
		c.line(name)[g.slot] = at[name]
	}
	g.gauges = nil
}

// finish returns the lines of some metrics. A counter without a value in a step in which nodes wrote rows did not rise.
func (c *charts) finish(names []string) (lines []archive.Line) {
	for _, node := range c.nodes {
		c.settle(node)
	}
	steps := map[int64]bool{}
	for _, values := range c.lines {
		for slot := range values {
			steps[slot] = true
		}
	}
	order := slices.Sorted(maps.Keys(steps))
	for _, short := range slices.Sorted(maps.Keys(c.lines)) {
		series, _ := longName(short)
		if series == "" || !(slices.Contains(names, series) || slices.Contains(names, metricOf(series))) {
			continue
		}
		line := archive.Line{Series: series, Counter: !c.gauges[short], Step: c.length}
		for _, slot := range order {
			value, known := c.lines[short][slot]
			if known || line.Counter {
				line.Values = append(line.Values, archive.Value{At: time.Unix(0, slot*int64(c.length)), Last: value, Min: value, Max: value})
			}
		}
		lines = append(lines, line)
	}
	return lines
}
