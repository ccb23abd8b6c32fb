package metric

import (
	"cmp"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Route is a route of the server. Routes with the same method and path share their numbers.
type Route struct {
	Pattern string // as in a record
	Path    string // value of the label http_route; default: the path of the pattern
}

// otherMethod is the method of what has none: semantic conventions ask for this word.
const otherMethod = "_OTHER"

// An answer is a class of answers. Its labels are http_response_status_code and error_type. Only our own faults have an
// error_type.
type answer int

const (
	answer2xx answer = iota
	answer3xx
	answer4xx // also 499, of a client that went away
	answerUnavailable
	answerInternal
	answers int = iota
)

func (a answer) labels() (class, errorType string) {
	switch a {
	case answer2xx:
		return "2xx", ""
	case answer3xx:
		return "3xx", ""
	case answer4xx:
		return "4xx", ""
	case answerUnavailable:
		return "5xx", string(errs.Unavailable)
	default:
		return "5xx", string(errs.Internal)
	}
}

// failed reports whether an answer is our fault.
func (a answer) failed() bool { return a >= answerUnavailable }

func answerOf(r *telemetry.Record) answer {
	switch {
	case r.Problem == errs.Internal || r.Stack != "":
		return answerInternal
	case r.Status == http.StatusServiceUnavailable:
		return answerUnavailable
	case r.Status >= 500:
		return answerInternal
	case r.Status >= 400:
		return answer4xx
	case r.Status >= 300:
		return answer3xx
	}
	return answer2xx
}

// A route has the numbers of the requests of one or more routes.
type route struct {
	method, path string
	duration     histogram
	answers      [answers]atomic.Uint64
}

// requests counts requests by route.
type requests struct {
	byPattern map[string]*route
	all       []*route // in the order of the configuration, then the other one
	other     *route
	fast      map[float64]bool // bounds that are limits of objectives
	duration  *prometheus.Desc
	total     *prometheus.Desc
}

// requestBounds are the buckets of http.server.request.duration in OpenTelemetry's semantic conventions 1.44.
func requestBounds() []time.Duration {
	const ms = time.Millisecond
	return []time.Duration{
		5 * ms, 10 * ms, 25 * ms, 50 * ms, 75 * ms, 100 * ms, 250 * ms, 500 * ms, 750 * ms,
		time.Second, 2500 * ms, 5 * time.Second, 7500 * ms, 10 * time.Second,
	}
}

func newRequests(routes []Route, fast []time.Duration) *requests {
	rs := &requests{
		byPattern: map[string]*route{},
		fast:      map[float64]bool{},
	}
	described := requestDescriptions()
	rs.duration, rs.total = described[0].desc(nil), described[1].desc(nil)
	layout := newLayout(append(requestBounds(), fast...)...)
	for _, bound := range fast {
		rs.fast[bound.Seconds()] = true
	}
	byLabels := map[[2]string]*route{}
	for _, given := range routes {
		method, path, known := labelsOf(given)
		if !known {
			continue
		}
		at := byLabels[[2]string{method, path}]
		if at == nil {
			at = &route{method: method, path: path, duration: histogram{layout: layout, cells: layout.counters()}}
			byLabels[[2]string{method, path}] = at
			rs.all = append(rs.all, at)
		}
		rs.byPattern[given.Pattern] = at
	}
	rs.other = &route{method: otherMethod, path: Other, duration: histogram{layout: layout, cells: layout.counters()}}
	rs.all = append(rs.all, rs.other)
	return rs
}

// labelsOf returns the method and the path of a route. A route for all other methods of a path has none: it only refuses.
func labelsOf(r Route) (method, path string, known bool) {
	method, path, known = strings.Cut(r.Pattern, " ")
	return method, cmp.Or(r.Path, path), known
}

func (rs *requests) take(r *telemetry.Record) {
	at := rs.byPattern[r.Route]
	if at == nil {
		at = rs.other
	}
	at.duration.observe(r.Busy())
	at.answers[answerOf(r)].Add(1)
}

// Describe implements prometheus.Collector.
func (rs *requests) Describe(descs chan<- *prometheus.Desc) {
	descs <- rs.duration
	descs <- rs.total
}

// Collect implements prometheus.Collector. Every series exists from the start, so that the first error of a route is a
// rise from 0.
func (rs *requests) Collect(metrics chan<- prometheus.Metric) {
	for _, at := range rs.all {
		metrics <- &sample{rs.duration, prometheus.MakeLabelPairs(rs.duration, []string{at.method, at.path}), at.duration.read()}
		for i := range at.answers {
			class, errorType := answer(i).labels()
			metrics <- counter(rs.total, at.answers[i].Load(), at.method, at.path, class, errorType)
		}
	}
}

func counter[N uint64 | int64](desc *prometheus.Desc, n N, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
}

// series returns how many series there are.
func (rs *requests) series() int {
	return len(rs.all) * (seriesOf(rs.other.duration.layout) + answers)
}

// seriesOf returns the series of a classic histogram: one for each bucket, +Inf, sum and count. A native one is a single
// series.
func seriesOf(l *layout) int { return len(l.bounds) + 3 }
