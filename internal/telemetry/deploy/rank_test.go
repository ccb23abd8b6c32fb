package deploy

import (
	"math"
	"testing"
)

func TestRankTest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		xs, ys []float64
		want   float64 // counted pair by pair, by another program
	}{
		{"apart", []float64{9, 10, 11, 12, 13, 14, 15, 16}, []float64{1, 2, 3, 4, 5, 6, 7, 8}, 0.000469553},
		{"the other way", []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{9, 10, 11, 12, 13, 14, 15, 16}, 0.999679},
		{"mixed", []float64{1, 3, 5, 7, 9, 11, 13, 15}, []float64{2, 4, 6, 8, 10, 12, 14, 16}, 0.681749},
		{"ties", []float64{0, 0, 0, 1, 2, 2, 3, 3}, []float64{0, 0, 0, 0, 0, 0, 1, 1}, 0.0356577},
		{"all the same", []float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{"none", nil, []float64{1}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rankTest(tt.xs, tt.ys); math.Abs(got-tt.want) > 1e-5*tt.want {
				t.Errorf("rankTest = %.6g, want about %.6g", got, tt.want)
			}
		})
	}
}
