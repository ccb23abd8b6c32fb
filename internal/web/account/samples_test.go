package account_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sameDistribution returns the probability that two samples of one distribution differ at least as much as these do
// (Kolmogorov and Smirnov, with the approximation of Stephens for small samples). It sorts the samples.
func sameDistribution(a, b []time.Duration) float64 {
	slices.Sort(a)
	slices.Sort(b)
	n := math.Sqrt(float64(len(a)) * float64(len(b)) / float64(len(a)+len(b)))
	return tail((n + 0.12 + 0.11/n) * distance(a, b))
}

// distance returns the largest distance between the distribution functions of two sorted samples.
func distance(a, b []time.Duration) (most float64) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		at := min(a[i], b[j])
		for i < len(a) && a[i] == at {
			i++
		}
		for j < len(b) && b[j] == at {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// tail is the probability that Kolmogorov's distribution exceeds x.
func tail(x float64) float64 {
	if x < 0.2 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for j := 1.0; j <= 100; j++ {
		sum += sign * math.Exp(-2*j*j*x*x)
		sign = -sign
	}
	return min(max(2*sum, 0), 1)
}

// median returns the middle of a sorted sample.
func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b []time.Duration
		want float64
	}{
		{[]time.Duration{1, 2, 3, 4}, []time.Duration{1, 2, 3, 4}, 0},
		{[]time.Duration{1, 2, 3, 4}, []time.Duration{3, 4, 5, 6}, 0.5},
		{[]time.Duration{1, 1, 1, 2}, []time.Duration{1, 2, 2, 2}, 0.5},
		{[]time.Duration{1, 2}, []time.Duration{3, 4, 5}, 1},
		{[]time.Duration{5, 5, 5}, []time.Duration{5}, 0},
		{[]time.Duration{1, 3, 5, 7, 9}, []time.Duration{2, 4, 6, 8}, 0.2},
	} {
		if got := distance(tt.a, tt.b); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("distance(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// The values are the critical ones of the tables of Kolmogorov's distribution.
func TestTail(t *testing.T) {
	for _, tt := range []struct{ x, want float64 }{{0, 1}, {0.5, 0.9639}, {1.2238, 0.1}, {1.3581, 0.05}, {1.6276, 0.01}, {1.9495, 0.001}} {
		if got := tail(tt.x); math.Abs(got-tt.want) > 0.0005 {
			t.Errorf("tail(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
}

// Two samples of one distribution look alike, and a shift by a twentieth of the deviation shows in 20,000 values.
func TestSameDistribution(t *testing.T) {
	draw := func(seed uint64, shift float64) []time.Duration {
		random := rand.New(rand.NewPCG(seed, 1))
		all := make([]time.Duration, 10_000)
		for i := range all {
			all[i] = time.Duration(1e6 * (35 + shift + random.NormFloat64()))
		}
		return all
	}
	if p := sameDistribution(draw(1, 0), draw(2, 0)); p < 0.01 {
		t.Errorf("two samples of one distribution: p = %v", p)
	}
	if p := sameDistribution(draw(1, 0), draw(2, 0.05)); p > 0.01 {
		t.Errorf("a shift by a twentieth of the deviation: p = %v", p)
	}
}
