package metric

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A job has the numbers of one kind of background work.
type job struct {
	name     string
	duration *histogram
	failed   atomic.Uint64
}

// jobs counts background work by its name.
type jobs struct {
	byName map[string]*job
	all    []*job // in the order of the configuration, then the other one
	other  *job

	duration, errors *prometheus.Desc
}

// jobBounds are the buckets of jobs. Few of them are quick, and nobody waits for one.
func jobBounds() []time.Duration {
	return []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second, time.Minute}
}

func newJobs(names []string) *jobs {
	described := jobDescriptions()
	js := &jobs{byName: map[string]*job{}, duration: described[0].desc(nil), errors: described[1].desc(nil)}
	layout := newLayout(jobBounds()...)
	add := func(name string) *job {
		one := &job{name: name, duration: newHistogram(layout)}
		js.all = append(js.all, one)
		return one
	}
	for _, name := range names {
		if js.byName[name] == nil {
			js.byName[name] = add(name)
		}
	}
	js.other = add(Other)
	return js
}

func (js *jobs) take(r *telemetry.Record) {
	one := js.byName[r.Job]
	if one == nil {
		one = js.other
	}
	one.duration.observe(r.Duration)
	if r.Failed() {
		one.failed.Add(1)
	}
}

// Describe implements prometheus.Collector.
func (js *jobs) Describe(descs chan<- *prometheus.Desc) {
	descs <- js.duration
	descs <- js.errors
}

// Collect implements prometheus.Collector.
func (js *jobs) Collect(metrics chan<- prometheus.Metric) {
	for _, one := range js.all {
		metrics <- &sample{js.duration, prometheus.MakeLabelPairs(js.duration, []string{one.name}), one.duration.read()}
		metrics <- counter(js.errors, one.failed.Load(), one.name)
	}
}

// addPoints adds the number, the time and the failures of each job that has run.
func (js *jobs) addPoints(p *points) {
	for _, one := range js.all {
		now := one.duration.read()
		if now.count == 0 {
			continue
		}
		p.add(true, float64(now.count), JobSeconds+"_count", "job", one.name)
		p.add(true, now.sum, JobSeconds+"_sum", "job", one.name)
		p.add(true, float64(one.failed.Load()), JobErrors, "job", one.name)
	}
}

// series returns how many series there are.
func (js *jobs) series() int { return len(js.all) * (seriesOf(js.other.duration.layout) + 1) }
