package metric

import (
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A histogram counts durations, for a classic and a native histogram. To count one is two additions: 12 ns, where the
// histogram of client_golang takes 37 ns. See docs/decisions/0023-metrics.md.
type histogram struct {
	layout      *layout
	cells       []atomic.Uint64
	nanoseconds atomic.Int64 // sum of the durations
}

// counters returns the counters of the cells of a histogram.
func (l *layout) counters() []atomic.Uint64 { return make([]atomic.Uint64, len(l.upper)) }

func newHistogram(l *layout) *histogram {
	return &histogram{layout: l, cells: l.counters()}
}

func (h *histogram) observe(took time.Duration) {
	h.cells[h.layout.cell(took)].Add(1)
	h.nanoseconds.Add(int64(took))
}

// A counted is a histogram at a moment.
type counted struct {
	layout  *layout
	count   uint64
	sum     float64  // seconds
	classic []uint64 // durations up to each bound, then all
	zero    uint64
	native  []uint64 // durations in each native bucket
}

func (h *histogram) read() counted {
	c := counted{
		layout:  h.layout,
		classic: make([]uint64, len(h.layout.bounds)+1),
		native:  make([]uint64, lastAt-firstAt+1),
	}
	c.sum = time.Duration(h.nanoseconds.Load()).Seconds()
	for i := range h.cells {
		n := h.cells[i].Load()
		c.native[h.layout.native[i]] += n
		c.classic[h.layout.classic[i]] += n
	}
	for i, n := range c.classic {
		c.count += n
		c.classic[i] = c.count
	}
	c.zero, c.native[0] = c.native[0], 0
	return c
}

// count returns how many durations were observed.
func (h *histogram) count() (n uint64) {
	for i := range h.cells {
		n += h.cells[i].Load()
	}
	return n
}

// formatBound returns the value of the label le.
func formatBound(seconds float64) string { return strconv.FormatFloat(seconds, 'g', -1, 64) }

// A sample is a histogram at a moment, as Prometheus takes it.
type sample struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	counted
}

// Desc implements prometheus.Metric.
func (s *sample) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *sample) Write(out *dto.Metric) error {
	h := &dto.Histogram{
		SampleCount:   new(s.count),
		SampleSum:     new(s.sum),
		Schema:        new(int32(schema)),
		ZeroThreshold: new(math.Exp2(firstAt / perTwo)),
		ZeroCount:     new(s.zero),
	}
	for i, bound := range s.layout.bounds {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: new(bound), CumulativeCount: new(s.classic[i])})
	}
	s.writeNative(h)
	out.Label, out.Histogram = s.labels, h
	return nil
}

// writeNative writes the native buckets that are not empty: where each run of them begins, and how much each count differs
// from the one before.
func (s *sample) writeNative(h *dto.Histogram) {
	end, before := 0, int64(0)
	for i, n := range s.native {
		if n == 0 {
			continue
		}
		at := firstAt + i
		switch spans := len(h.PositiveSpan); {
		case spans > 0 && at == end:
			h.PositiveSpan[spans-1].Length = new(h.PositiveSpan[spans-1].GetLength() + 1)
		case spans > 0:
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: new(int32(at - end)), Length: new(uint32(1))})
		default:
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: new(int32(at)), Length: new(uint32(1))})
		}
		h.PositiveDelta = append(h.PositiveDelta, int64(n)-before)
		end, before = at+1, int64(n)
	}
	if len(h.PositiveSpan) == 0 { // an empty span says that this is a native histogram
		h.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
}
