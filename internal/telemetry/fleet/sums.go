package fleet

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// A sharedMetric is a metric that nodes share, summed over all of its labels but one.
type sharedMetric struct {
	short string // name in a row
	name  string
	label string // the label that is kept; "" keeps none
	most  bool   // all nodes measure the same thing, so that the largest value counts
}

// sharedMetrics are the metrics of the charts. Their short names stand in rows of other releases too, so they never change
// their meaning.
var sharedMetrics = [...]sharedMetric{
	{short: "n", name: metric.RequestSeconds + "_count"},
	{short: "t", name: metric.RequestSeconds + "_sum"},
	{short: "b", name: metric.RequestSeconds + "_bucket", label: "le"},
	{short: "a", name: metric.RequestsTotal, label: "http_response_status_code"},
	{short: "cpu", name: "process_cpu_seconds_total"},
	{short: "rss", name: "process_resident_memory_bytes"},
	{short: "heap", name: "go_memstats_heap_alloc_bytes"},
	{short: "go", name: "go_goroutines"},
	{short: "db", name: "ashlar_database_bytes", most: true},
}

// route is the label of the series of one route. Their buckets are a part of the buckets of all routes.
const route = `http_route="`

// shortName returns the short name of a series, or "" if nodes do not share it.
func shortName(series string) string {
	name, labels, _ := strings.Cut(series, "{")
	for i := range sharedMetrics {
		m := &sharedMetrics[i]
		switch {
		case m.name != name:
			continue
		case m.label == "":
			return m.short
		case m.short == "b" && strings.Contains(labels, route):
			return ""
		}
		_, rest, found := strings.Cut(labels, m.label+`="`)
		value, _, closed := strings.Cut(rest, `"`)
		if !found || !closed {
			return ""
		}
		return m.short + ":" + value
	}
	return ""
}

// longName returns the series of a short name, and whether its largest value counts. It returns "" for a name of a later
// release.
func longName(short string) (series string, most bool) {
	name, value, _ := strings.Cut(short, ":")
	for i := range sharedMetrics {
		if m := &sharedMetrics[i]; m.short == name {
			if m.label == "" {
				return m.name, m.most
			}
			return m.name + `{` + m.label + `="` + value + `"}`, m.most
		}
	}
	return "", false
}

// A sum is what one row holds: what a node counted in a step of time, or what all nodes counted in an hour.
type sum struct {
	Counters   map[string]float64 `json:"c,omitempty"` // increases, by short name; none is 0
	Gauges     map[string]float64 `json:"g,omitempty"` // last values
	Objectives map[string]tally   `json:"o,omitempty"` // by name and kind; none is empty
	Stopped    bool               `json:"x,omitempty"` // the process ended with this step
}

// A tally is the counts of an objective as they stand in a row: good, bad, caller, events of the caller, and 1 for many
// callers. What is 0 at the end is left out.
type tally []uint64

func tallyOf(c objective.Counts) tally {
	many := uint64(0)
	if c.Many {
		many = 1
	}
	t := tally{c.Good, c.Bad, c.Caller, c.CallerEvents, many}
	for len(t) > 0 && t[len(t)-1] == 0 {
		t = t[:len(t)-1]
	}
	return t
}

func (t tally) counts() objective.Counts {
	var all [5]uint64
	copy(all[:], t)
	return objective.Counts{Good: all[0], Bad: all[1], Caller: all[2], CallerEvents: all[3], Many: all[4] != 0}
}

// objectiveName names an objective in rows.
func objectiveName(o objective.Objective) string { return o.Name + "/" + string(o.Kind) }

// totals returns the present values of the shared metrics.
func totals(points []telemetry.Point) (counters, gauges map[string]float64) {
	counters, gauges = map[string]float64{}, map[string]float64{}
	for _, p := range points {
		short := shortName(p.Series)
		if short == "" || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			continue
		}
		if p.Counter {
			counters[short] += p.Value
		} else {
			gauges[short] += p.Value
		}
	}
	return counters, gauges
}

// increases returns what counters rose by. A counter that fell began again at zero.
func increases(before, now map[string]float64) map[string]float64 {
	rose := map[string]float64{}
	for name, value := range now {
		if old := before[name]; value >= old {
			value -= old
		}
		if value = math.Round(value*1000) / 1000; value != 0 {
			rose[name] = value
		}
	}
	return rose
}

// addCounts adds the counters and the objectives of another row.
func (s *sum) addCounts(other *sum) {
	if s.Counters == nil {
		s.Counters = map[string]float64{}
	}
	for name, value := range other.Counters {
		s.Counters[name] = math.Round((s.Counters[name]+value)*1000) / 1000
	}
	if s.Objectives == nil {
		s.Objectives = map[string]tally{}
	}
	for name, t := range other.Objectives {
		c, more := s.Objectives[name].counts(), t.counts()
		c.Merge(&more)
		s.Objectives[name] = tallyOf(c)
	}
}

// addGauges adds the gauges of another node at the same time.
func addGauges(to, other map[string]float64) {
	for name, value := range other {
		if _, most := longName(name); most {
			to[name] = max(to[name], value)
		} else {
			to[name] += value
		}
	}
}

func (s *sum) encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

func decodeSum(text []byte) (s sum, err error) {
	err = json.Unmarshal(text, &s)
	return s, err
}

// metricOf returns the name of the metric of a series.
func metricOf(series string) string {
	name, _, _ := strings.Cut(series, "{")
	return name
}
