package metric

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// written returns what a histogram writes for Prometheus.
func written(t *testing.T, h *histogram) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	s := &sample{counted: h.read()}
	if err := s.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetHistogram()
}

// reference returns what the histogram of client_golang writes.
func reference(t *testing.T, bounds []time.Duration, values []time.Duration) *dto.Histogram {
	t.Helper()
	opts := prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: math.Exp2(-18)}
	for _, bound := range bounds {
		opts.Buckets = append(opts.Buckets, bound.Seconds())
	}
	h := prometheus.NewHistogram(opts)
	for _, value := range values {
		h.Observe(value.Seconds())
	}
	var out dto.Metric
	if err := h.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetHistogram()
}

// counts returns the native buckets by index, without the empty ones.
func counts(h *dto.Histogram) map[int]int64 {
	all, n, at, next := map[int]int64{}, int64(0), 0, 0
	for _, span := range h.PositiveSpan {
		at += int(span.GetOffset())
		for range span.GetLength() {
			n += h.PositiveDelta[next]
			if n != 0 {
				all[at] = n
			}
			at, next = at+1, next+1
		}
	}
	return all
}

// Classic and native buckets count what the buckets of client_golang count.
func TestHistogramAgreesWithThatOfThePrometheusLibrary(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	for _, bounds := range [][]time.Duration{requestBounds(), statementBounds(), {300 * time.Millisecond}} {
		values := []time.Duration{0, 1, time.Nanosecond * 3814, time.Nanosecond * 3815, time.Microsecond, time.Second, 2 * time.Second, 127 * time.Second}
		values = append(values, bounds...)
		for range 5000 {
			values = append(values, time.Duration(math.Exp(g.Float64()*24)))
		}
		h := newHistogram(newLayout(bounds...))
		for _, value := range values {
			h.observe(value)
		}
		got, want := written(t, h), reference(t, bounds, values)
		if got.GetSampleCount() != want.GetSampleCount() || math.Abs(got.GetSampleSum()-want.GetSampleSum()) > 1e-6 {
			t.Errorf("count %d and sum %v, want %d and %v", got.GetSampleCount(), got.GetSampleSum(), want.GetSampleCount(), want.GetSampleSum())
		}
		for i, bucket := range want.Bucket {
			if is := got.Bucket[i]; is.GetUpperBound() != bucket.GetUpperBound() || is.GetCumulativeCount() != bucket.GetCumulativeCount() {
				t.Errorf("bucket %d is %v, want %v", i, is, bucket)
			}
		}
		if got.GetSchema() != want.GetSchema() || got.GetZeroThreshold() != want.GetZeroThreshold() || got.GetZeroCount() != want.GetZeroCount() {
			t.Errorf("schema %d, %d zeros up to %v, want %d, %d, %v", got.GetSchema(), got.GetZeroCount(), got.GetZeroThreshold(),
				want.GetSchema(), want.GetZeroCount(), want.GetZeroThreshold())
		}
		if diff := cmp.Diff(counts(want), counts(got)); diff != "" {
			t.Errorf("native buckets (-library +ours):\n%s", diff)
		}
	}
}

// A duration that no clock gives is counted all the same.
func TestHistogramTakesAnyDuration(t *testing.T) {
	h := newHistogram(newLayout(time.Second, -1, 0, time.Hour, time.Second))
	for _, took := range []time.Duration{math.MinInt64, -1, math.MaxInt64, time.Hour} {
		h.observe(took)
	}
	if got := written(t, h); got.GetSampleCount() != 4 || len(got.Bucket) != 1 || got.GetZeroCount() != 2 {
		t.Errorf("the histogram is %v", got)
	}
}

// An empty native histogram is one: without a span, Prometheus would take it for a classic one.
func TestEmptyHistogramIsNative(t *testing.T) {
	if got := written(t, newHistogram(newLayout())); len(got.PositiveSpan) != 1 {
		t.Errorf("an empty histogram is %v", got)
	}
}
