package deploy

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
)

const (
	step    = 2 * time.Minute  // of a window: the finest that the archive keeps for longer than a day
	settles = 2 * time.Minute  // after a start, while caches fill
	length  = 30 * time.Minute // from the deploy to the end of the time that is looked at
	day     = 24 * time.Hour
)

// A span is a part of time with a name.
type span struct {
	name     string
	from, to time.Time
}

// baseSpans returns the times before a deploy, or before a series of deploys. Load differs by the hour, so one base has the
// same hours of the day before.
func baseSpans(begin time.Time) []span {
	before := begin.Add(-day)
	return []span{
		{"the same hours of the day before", before.Add(-time.Hour), before.Add(length + time.Hour)},
		{"the hour before", begin.Add(-time.Hour), begin},
	}
}

// Source is the part of an archive that is read.
type source interface {
	Loads(ctx context.Context, f archive.Filter, step time.Duration, by archive.Dimension) (map[string][]archive.Load, error)
	Series(ctx context.Context, from, to time.Time, step time.Duration, names ...string) ([]archive.Line, error)
}

// collect reads a window. Its steps lie inside of the span.
func collect(ctx context.Context, from source, s span) (_ Window, err error) {
	defer errs.Wrap(&err, "deploy.collect(%s)", s.name)
	begin, end := s.from.Add(step-1).Truncate(step), s.to.Truncate(step)
	w := Window{Name: s.name, Step: step}
	steps := int(end.Sub(begin) / step)
	if steps <= 0 {
		return w, nil
	}
	w.CPU, w.Memory = missing(steps), missing(steps)
	w.Served, w.Recorded = make([]float64, steps), make([]float64, steps)
	requests := archive.Filter{From: begin, To: end, Where: []archive.Condition{{Dimension: archive.Work, Values: []string{string(telemetry.WorkRequest)}}}}
	routes, err := from.Loads(ctx, requests, step, archive.Route)
	if err != nil {
		return w, err
	}
	w.add(routes)
	const cpu, memory, served = "process_cpu_seconds_total", "process_resident_memory_bytes", metric.RequestSeconds + `_bucket{le="+Inf"}`
	lines, err := from.Series(ctx, begin, end, step, cpu, memory, served)
	if err != nil {
		return w, err
	}
	for _, line := range lines {
		for _, v := range line.Values {
			at := int(v.At.Sub(begin) / step)
			if at < 0 || at >= steps {
				continue
			}
			switch line.Series {
			case cpu:
				w.CPU[at] = v.Last
			case memory:
				w.Memory[at] = v.Last
			case served:
				w.Served[at] = v.Last
			}
		}
	}
	return w, nil
}

// add adds the loads of routes. Pages are left out of the measures, as they are of the objectives: a page that follows the log
// stays open for minutes.
func (w *Window) add(routes map[string][]archive.Load) {
	w.Routes = map[string][]archive.Load{}
	for route, loads := range routes {
		for i := range loads {
			w.Recorded[i] += loads[i].Count
		}
		if _, path, _ := strings.Cut(route, " "); strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/auth/") {
			w.Routes[route] = loads
		}
	}
}

// missing returns values that nobody has measured.
func missing(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}
