package telemetry

import (
	"math"
	"testing"
)

// TestSamplerKeepsFewOfMany counts what a sampler keeps of three seconds, and what the kept records stand for.
func TestSamplerKeepsFewOfMany(t *testing.T) {
	s := Sampler{Free: 10, Share: 0.25}
	for _, second := range []struct {
		name     string
		records  int
		free     int     // records of weight 1
		expected float64 // others that are kept, within six standard deviations
	}{
		{"few records", 10, 10, 0},
		{"many after few", 20_000, 10, 19_990 * 0.25},
		{"many after many", 20_000, 10, 19_990 * 0.25 / 20},
		{"few after many", 10, 10, 0},
		{"not many after few", 900, 10, 890 * 0.25},
	} {
		var free, others int
		var weight float64
		at := s.second.Load() + 1
		for range second.records {
			var r Record
			r.Join(TraceContext{})
			switch w := s.Weigh(&r, at); w {
			case 0:
			case 1:
				free++
				weight++
			default:
				others++
				weight += w
			}
		}
		if free != second.free || math.Abs(float64(others)-second.expected) > 6*math.Sqrt(second.expected) {
			t.Errorf("%s: %d and %d are kept, want %d and about %v", second.name, free, others, second.free, second.expected)
		}
		if others > 0 && math.Abs(weight/float64(second.records)-1) > 6/math.Sqrt(second.expected) {
			t.Errorf("%s: %d records have the weight of %v", second.name, second.records, weight)
		}
	}
}

func TestSamplersOfTheSameShareChooseTheSameRecords(t *testing.T) {
	a, b := Sampler{Share: 0.1}, Sampler{Free: 5, Share: 0.1}
	for i := range 1000 {
		var r Record
		r.Join(TraceContext{})
		if first, second := a.Weigh(&r, 1), b.Weigh(&r, 1); i >= 5 && first != second {
			t.Fatalf("record %d has the weights %v and %v", i, first, second)
		}
	}
}

func TestSamplerWithoutSpans(t *testing.T) {
	s := Sampler{Share: 0.5}
	var kept int
	for range 1000 {
		if s.Weigh(&Record{}, 1) > 0 {
			kept++
		}
	}
	if kept < 400 || kept > 600 {
		t.Errorf("%d of 1000 records without a span are kept, want half of them", kept)
	}
}
