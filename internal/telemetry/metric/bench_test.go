package metric

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkHistogram compares the histogram of this package with the one of client_golang, which has the same buckets. It is
// the reason for ours.
func BenchmarkHistogram(b *testing.B) {
	opts := prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.1}
	for _, bound := range requestBounds() {
		opts.Buckets = append(opts.Buckets, bound.Seconds())
	}
	library, ours := prometheus.NewHistogram(opts), newHistogram(newLayout(requestBounds()...))
	for _, bb := range []struct {
		name    string
		observe func(time.Duration)
	}{
		{"ours", ours.observe},
		{"library", func(took time.Duration) { library.Observe(took.Seconds()) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			took := 7 * time.Millisecond
			for b.Loop() {
				bb.observe(took)
			}
		})
	}
}
