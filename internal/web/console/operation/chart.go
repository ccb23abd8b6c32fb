package operation

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
)

// A chart is some lines over the same time.
type chart struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Unit  string `json:"unit"` // of the values: "/s", "s", "bytes" or "cores"
	Lines []line `json:"lines"`
}

// A line is one line of a chart. A value is missing where nothing was measured.
type line struct {
	Name   string     `json:"name"`
	Color  int        `json:"color"` // number of a color of the style
	Values []*float64 `json:"values"`
}

// A form says how a value of a line comes from the series.
type form int

const (
	gauge   form = iota // sum of the last values
	rate                // sum of the increases, in a second
	median              // quantiles of a histogram
	highest             // of 100
)

// lineSpec says what a line shows.
type lineSpec struct {
	name   string
	color  int
	form   form
	metric string
	label  string // part of the labels that the series must have; "" takes all
	not    string // part of the labels that the series must not have
}

// chartSpec says what a chart shows.
type chartSpec struct {
	id, title, unit string
	lines           []lineSpec
}

// The metrics of the charts, as package metric gives them to the archive.
const (
	requestCount   = metric.RequestSeconds + "_count"
	requestBuckets = metric.RequestSeconds + "_bucket"
	requestsTotal  = metric.RequestsTotal
	cpuSeconds     = "process_cpu_seconds_total"
	memoryBytes    = "process_resident_memory_bytes"
	heapBytes      = "go_memstats_heap_alloc_bytes"
	databaseBytes  = "ashlar_database_bytes"
	freeBytes      = "ashlar_database_free_bytes"
	walBytes       = "ashlar_wal_bytes"
)

// chartSpecs returns the charts of the home page. The buckets of single routes are left out.
func chartSpecs() []chartSpec {
	return []chartSpec{
		{"requests", "Requests", "/s", []lineSpec{{"all", 1, rate, requestCount, "", ""}}},
		{"latency", "Duration", "s", []lineSpec{
			{"p50", 1, median, requestBuckets, "", "http_route="},
			{"p99", 2, highest, requestBuckets, "", "http_route="},
		}},
		{"errors", "Errors", "/s", []lineSpec{{"5xx", 4, rate, requestsTotal, `code="5`, ""}, {"4xx", 3, rate, requestsTotal, `code="4`, ""}}},
		{"cpu", "CPU", "cores", []lineSpec{{"used", 1, rate, cpuSeconds, "", ""}}},
		{"memory", "Memory", "bytes", []lineSpec{{"of the process", 1, gauge, memoryBytes, "", ""}, {"heap", 2, gauge, heapBytes, "", ""}}},
		{"database", "Database", "bytes", []lineSpec{{"size", 1, gauge, databaseBytes, "", ""}}},
		{"disk", "Free disk", "bytes", []lineSpec{{"free", 5, gauge, freeBytes, "", ""}}},
		{"wal", "Write-ahead log", "bytes", []lineSpec{{"size", 1, gauge, walBytes, "", ""}}},
	}
}

// metricNames returns the names of all metrics of the charts.
func metricNames() (names []string) {
	for _, spec := range chartSpecs() {
		for _, l := range spec.lines {
			if !slices.Contains(names, l.metric) {
				names = append(names, l.metric)
			}
		}
	}
	return names
}

// A grid is the times of some charts: count steps from a first one.
type grid struct {
	from  time.Time
	step  time.Duration
	count int
}

// gridOf returns the grid of lines between two times. The lines have one step, which may be longer than the one asked for.
func gridOf(lines []archive.Line, from, to time.Time, step time.Duration) grid {
	for _, l := range lines {
		step = max(step, l.Step)
	}
	from = from.Truncate(step)
	return grid{from, step, int((to.Sub(from) + step - 1) / step)}
}

// index returns the number of the step at a time, or -1.
func (g grid) index(at time.Time) int {
	if at.Before(g.from) {
		return -1
	}
	if i := int(at.Sub(g.from) / g.step); i < g.count {
		return i
	}
	return -1
}

// times returns the begin of each step, in seconds since 1970.
func (g grid) times() []int64 {
	list := make([]int64, g.count)
	for i := range list {
		list[i] = g.from.Add(time.Duration(i) * g.step).Unix()
	}
	return list
}

// chartsOf makes the charts from lines. It leaves out charts and lines without a value.
func (g grid) chartsOf(lines []archive.Line) (list []chart) {
	for _, spec := range chartSpecs() {
		made := chart{ID: spec.id, Title: spec.title, Unit: spec.unit}
		for _, l := range spec.lines {
			if values := g.valuesOf(l, lines); values != nil {
				made.Lines = append(made.Lines, line{l.name, l.color, values})
			}
		}
		if len(made.Lines) > 0 {
			list = append(list, made)
		}
	}
	return list
}

// valuesOf returns the values of a line, or nil if there are none.
func (g grid) valuesOf(spec lineSpec, lines []archive.Line) []*float64 {
	if spec.form == median || spec.form == highest {
		return g.quantiles(spec, lines)
	}
	sums, known := make([]float64, g.count), make([]bool, g.count)
	for _, l := range lines {
		if !spec.covers(l.Series) {
			continue
		}
		for _, v := range l.Values {
			if i := g.index(v.At); i >= 0 {
				sums[i], known[i] = sums[i]+v.Last, true
			}
		}
	}
	values := make([]*float64, g.count)
	any := false
	for i := range values {
		if !known[i] {
			continue
		}
		any = true
		value := sums[i]
		if spec.form == rate {
			value /= g.step.Seconds()
		}
		values[i] = &value
	}
	if !any {
		return nil
	}
	return values
}

// covers reports whether a series belongs to a line.
func (spec *lineSpec) covers(series string) bool {
	metric, labels, _ := strings.Cut(series, "{")
	return metric == spec.metric && strings.Contains(labels, spec.label) && (spec.not == "" || !strings.Contains(labels, spec.not))
}

// quantiles returns a quantile of a histogram for each step with requests.
func (g grid) quantiles(spec lineSpec, lines []archive.Line) []*float64 {
	buckets := map[float64][]float64{} // increases by upper bound
	for _, l := range lines {
		if !spec.covers(l.Series) {
			continue
		}
		bound, ok := boundOf(l.Series)
		if !ok {
			continue
		}
		if buckets[bound] == nil {
			buckets[bound] = make([]float64, g.count)
		}
		for _, v := range l.Values {
			if i := g.index(v.At); i >= 0 {
				buckets[bound][i] += v.Last
			}
		}
	}
	if len(buckets) == 0 {
		return nil
	}
	var bounds []float64
	for bound := range buckets {
		bounds = append(bounds, bound)
	}
	slices.Sort(bounds)
	share := 0.5
	if spec.form == highest {
		share = 0.99
	}
	values := make([]*float64, g.count)
	counts := make([]float64, len(bounds))
	for i := range values {
		for j, bound := range bounds {
			counts[j] = buckets[bound][i]
		}
		if value, ok := quantile(share, bounds, counts); ok {
			values[i] = &value
		}
	}
	return values
}

// boundOf reads the label le of a series.
func boundOf(series string) (bound float64, ok bool) {
	_, rest, found := strings.Cut(series, `le="`)
	text, _, closed := strings.Cut(rest, `"`)
	if !found || !closed {
		return 0, false
	}
	bound, err := strconv.ParseFloat(text, 64)
	return bound, err == nil
}

// quantile returns the value below which a share of the events lies. Counts are cumulative, as in Prometheus. Inside a bucket
// the events are taken to be spread evenly. Above the last bound that is a number, the answer is that bound.
func quantile(share float64, bounds, counts []float64) (float64, bool) {
	total := counts[len(counts)-1]
	if total <= 0 {
		return 0, false
	}
	rank := share * total
	low, below := 0.0, 0.0
	for i, bound := range bounds {
		if counts[i] >= rank && counts[i] > below {
			if math.IsInf(bound, 1) {
				return low, i > 0
			}
			return low + (bound-low)*(rank-below)/(counts[i]-below), true
		}
		if !math.IsInf(bound, 1) {
			low = bound
		}
		below = max(below, counts[i])
	}
	return low, true
}
