package deploy

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A Window is a span of time in steps of the same length. A step in which the server did not run has NaN for its CPU time.
type Window struct {
	Name     string                    // for people: "the hour before"
	Step     time.Duration             // length of a step
	Routes   map[string][]archive.Load // of the API; each has a load for each step
	Recorded []float64                 // requests of each step, from the records; pages too
	Served   []float64                 // the same, from the metrics
	CPU      []float64                 // seconds that the process used in each step
	Memory   []float64                 // bytes in each step

	all []archive.Load // of all routes together
}

// Bounds of what counts.
const (
	fewestSteps    = 8    // of a window that can be compared
	fewestRequests = 5    // of a step whose shares and p50 count
	fewestForP99   = 20   // of a step whose p99 counts
	fewestForCPU   = 20   // of a step whose CPU time counts
	worseBy        = 0.20 // share by which a measure must change
	chance         = 0.01 // that an audit names a change where there is none
)

// leastChange returns the change below which a measure counts as the same, in the unit of the measure.
func leastChange(kind Kind) float64 {
	switch kind {
	case Errors:
		return 0.001
	case Refused:
		return 0.05
	case P50:
		return 0.0005
	case P99:
		return 0.002
	case CPU:
		return 0.00005
	case Memory:
		return 32e6
	case Statements:
		return 0.2
	}
	return 0.01
}

// series is one measure of a window: its value in each step that counts, and its value over all steps.
type series struct {
	values []float64
	whole  float64
}

// comparison is one measure of all windows.
type comparison struct {
	route string
	kind  Kind
	after series
	bases []series
}

// known reports whether there is enough to compare with a base.
func (c *comparison) known(base *series) bool {
	return len(c.after.values) >= fewestSteps && len(base.values) >= fewestSteps
}

// Judge compares a window after a deploy with windows before it. A measure changed if it did so against each window that has
// enough steps: by a fifth, and by more than chance explains. Judge returns all measures of the whole, and the changed ones of
// routes, the worst first.
func Judge(after Window, bases ...Window) []Measure {
	after.all = after.sum()
	for i := range bases {
		bases[i].all = bases[i].sum()
	}
	all := comparisons(&after, bases)
	count := 0
	for i := range all {
		if slices.ContainsFunc(all[i].bases, func(base series) bool { return all[i].known(&base) }) {
			count++
		}
	}
	limit := chance / float64(max(1, count)) // the more is compared, the more differs by chance (Bonferroni)
	var total, routes []Measure
	for i := range all {
		m := all[i].judge(limit)
		if m.Route == "" {
			total = append(total, m)
		} else if m.Verdict == Worse || m.Verdict == Better {
			routes = append(routes, m)
		}
	}
	slices.SortStableFunc(routes, func(x, y Measure) int { return cmp.Or(rankOf(x)-rankOf(y), cmp.Compare(y.Change(), x.Change())) })
	slices.SortStableFunc(total, func(x, y Measure) int { return rankOf(x) - rankOf(y) })
	return append(total, routes[:min(len(routes), maxRoutes)]...)
}

// maxRoutes bounds the measures of routes in an audit.
const maxRoutes = 40

// rankOf orders measures: what alarms first, then other changes.
func rankOf(m Measure) int {
	switch {
	case m.Alarms():
		return 0
	case m.Verdict == Worse:
		return 1
	case m.Verdict == Better:
		return 2
	}
	return 3
}

func (c *comparison) judge(limit float64) Measure {
	m := Measure{Route: c.route, Kind: c.kind, After: c.after.whole, Verdict: Unknown}
	verdicts := map[Verdict]bool{}
	for i := range c.bases {
		base := &c.bases[i]
		if !c.known(base) {
			continue
		}
		if len(verdicts) == 0 {
			m.Before = base.whole
		}
		verdicts[c.against(base, limit)] = true
	}
	if len(verdicts) == 0 && len(c.bases) > 0 {
		m.Before = c.bases[0].whole
	}
	switch {
	case len(verdicts) == 1:
		for v := range verdicts {
			m.Verdict = v
		}
	case len(verdicts) > 1:
		m.Verdict = Same
	}
	return m
}

func (c *comparison) against(base *series, limit float64) Verdict {
	change := c.after.whole - base.whole
	if math.Abs(change) < leastChange(c.kind) || math.Abs(change) < worseBy*base.whole {
		return Same
	}
	switch {
	case change > 0 && rankTest(c.after.values, base.values) < limit:
		return Worse
	case change < 0 && rankTest(base.values, c.after.values) < limit:
		return Better
	}
	return Same
}

// comparisons returns all measures that can be taken.
func comparisons(after *Window, bases []Window) (all []comparison) {
	add := func(route string, kinds ...Kind) {
		for _, kind := range kinds {
			c := comparison{route: route, kind: kind, after: after.series(route, kind)}
			for i := range bases {
				c.bases = append(c.bases, bases[i].series(route, kind))
			}
			all = append(all, c)
		}
	}
	add("", Errors, Refused, P50, P99, CPU, Memory, Statements, Rate)
	for _, route := range slices.Sorted(maps.Keys(after.Routes)) {
		add(route, Errors, Refused, P50, P99, Statements)
	}
	return all
}

// steps returns in how many steps the server ran.
func (w *Window) steps() (n int) {
	for i := range w.CPU {
		if w.ran(i) {
			n++
		}
	}
	return n
}

// sum returns the loads of all routes together.
func (w *Window) sum() []archive.Load {
	all := make([]archive.Load, len(w.CPU))
	for _, loads := range w.Routes {
		for i := range loads {
			all[i].Add(loads[i])
		}
	}
	return all
}

// series returns one measure of a window.
func (w *Window) series(route string, kind Kind) series {
	switch {
	case kind == CPU:
		return w.cpu()
	case kind == Memory:
		return w.memory()
	case route == "":
		return w.measure(kind, w.all)
	}
	return w.measure(kind, w.Routes[route])
}

// kept reports whether the archive has the records of a step. A full archive keeps only failed and slow
// requests of long ago.
func (w *Window) kept(step int) bool { return w.Recorded[step] >= 0.7*w.Served[step] }

// ran reports whether the server ran in a step.
func (w *Window) ran(step int) bool { return !math.IsNaN(w.CPU[step]) }

// measure returns a measure of some loads.
func (w *Window) measure(kind Kind, loads []archive.Load) (s series) {
	var whole archive.Load
	steps := 0
	for i := range loads {
		if !w.ran(i) || (kind != Rate && !w.kept(i)) {
			continue
		}
		steps++
		whole.Add(loads[i])
		if value, ok := w.value(kind, &loads[i], 1); ok {
			s.values = append(s.values, value)
		}
	}
	s.whole, _ = w.value(kind, &whole, steps)
	return s
}

// value returns a measure of a load that took so many steps. ok is false if the load is too small.
func (w *Window) value(kind Kind, load *archive.Load, steps int) (_ float64, ok bool) {
	if kind == Rate {
		return load.Count / (w.Step.Seconds() * float64(max(1, steps))), true
	}
	if load.Count == 0 {
		return 0, false
	}
	enough := load.Count >= fewestRequests
	switch kind {
	case Errors:
		return load.Failed / load.Count, enough
	case Refused:
		return load.Refused / load.Count, enough
	case Statements:
		return load.Statements / load.Count, enough
	case P99:
		return load.Durations.Quantile(0.99).Seconds(), load.Count >= fewestForP99
	}
	return load.Durations.Quantile(0.5).Seconds(), enough
}

// cpu returns the CPU time of a request.
func (w *Window) cpu() (s series) {
	used, served := 0.0, 0.0
	for i, cpu := range w.CPU {
		if !w.ran(i) || w.Served[i] < fewestForCPU {
			continue
		}
		used, served = used+cpu, served+w.Served[i]
		s.values = append(s.values, cpu/w.Served[i])
	}
	s.whole = used / max(1, served)
	return s
}

func (w *Window) memory() (s series) {
	for i, bytes := range w.Memory {
		if w.ran(i) {
			s.values = append(s.values, bytes)
		}
	}
	if n := len(s.values); n > 0 {
		s.whole = slices.Sorted(slices.Values(s.values))[n/2]
	}
	return s
}
