package profile

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	pprof "github.com/google/pprof/profile"
)

// A window is a profile with what it says.
type window struct {
	from, to time.Time
	bytes    []byte // in pprof's format, compressed
	scale    float64
	usage    []Usage // the largest first
}

// maxUsage bounds the rows of a window. What has less CPU time is added up without its key.
const maxUsage = 500

// newWindow reads a profile. cpu is the CPU time of the process in the window, or 0 if it is not known.
func newWindow(from, to time.Time, data []byte, cpu time.Duration) (*window, error) {
	p, err := pprof.ParseData(data)
	if err != nil {
		return nil, err
	}
	w := &window{from: from, to: to, bytes: bytes.Clone(data), scale: 1}
	sums, sampled := map[Labels]time.Duration{}, time.Duration(0)
	for _, s := range p.Sample {
		taken := timeOf(s)
		sums[labelsOf(s)] += taken
		sampled += taken
	}
	if cpu > 0 && sampled > 0 {
		w.scale = float64(cpu) / float64(sampled)
	}
	w.usage = ranked(sums)
	if len(w.usage) > maxUsage {
		for _, small := range w.usage[maxUsage:] {
			delete(sums, small.Labels)
			small.Key = ""
			sums[small.Labels] += small.CPU
		}
		w.usage = ranked(sums)
	}
	for i := range w.usage {
		w.usage[i].CPU = scaled(w.usage[i].CPU, w.scale)
	}
	return w, nil
}

// share returns which part of the window is between two times.
func (w *window) share(from, to time.Time) float64 {
	if from.Before(w.from) {
		from = w.from
	}
	if to.After(w.to) {
		to = w.to
	}
	whole := w.to.Sub(w.from)
	if whole <= 0 || !from.Before(to) {
		return 0
	}
	return float64(to.Sub(from)) / float64(whole)
}

// timeOf returns the CPU time of a sample. The values of a CPU profile are the number of samples and their nanoseconds.
func timeOf(s *pprof.Sample) time.Duration { return time.Duration(s.Value[len(s.Value)-1]) }

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// ranked returns sums as usage, the largest first.
func ranked(sums map[Labels]time.Duration) []Usage {
	list := make([]Usage, 0, len(sums))
	for labels, cpu := range sums {
		list = append(list, Usage{labels, cpu})
	}
	slices.SortFunc(list, func(a, b Usage) int {
		return cmp.Or(
			cmp.Compare(b.CPU, a.CPU), strings.Compare(a.Route, b.Route), strings.Compare(a.Table, b.Table), strings.Compare(a.Operation, b.Operation),
			strings.Compare(a.Key, b.Key), strings.Compare(a.Job, b.Job), strings.Compare(a.Rest, b.Rest),
		)
	})
	return list
}

func labelsOf(s *pprof.Sample) Labels {
	get := func(name string) string {
		if values := s.Label[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	labels := Labels{Route: get(routeLabel), Table: get(tableLabel), Operation: get(operationLabel), Key: get(keyLabel), Job: get(jobLabel)}
	if labels == (Labels{}) {
		labels.Rest = restOf(s)
	}
	return labels
}

// rests tell by a function on the stack what a sample without labels is. The first that fits counts.
var rests = [...]struct{ prefix, rest string }{
	{"runtime.gcBgMarkWorker", Collector}, {"runtime.bgsweep", Collector}, {"runtime.bgscavenge", Collector}, {"runtime._GC", Collector},
	{"net/http.(*conn).", Connections}, {"net/http.(*Server).", Connections},
	{"runtime.mcall", Scheduler}, {"runtime.mstart", Scheduler}, {"runtime.schedule", Scheduler}, {"runtime.findRunnable", Scheduler},
	{"runtime.sysmon", Scheduler}, {"runtime.goexit0", Scheduler},
}

func restOf(s *pprof.Sample) string {
	for _, known := range rests {
		for _, location := range s.Location {
			for _, line := range location.Line {
				if line.Function != nil && strings.HasPrefix(line.Function.Name, known.prefix) {
					return known.rest
				}
			}
		}
	}
	return Other
}
