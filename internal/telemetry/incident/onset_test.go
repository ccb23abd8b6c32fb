package incident

import (
	"math/rand/v2"
	"testing"
)

func TestOnsetFindsTheRise(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	counts := func(early, late float64, at int) []float64 {
		list := make([]float64, 240)
		for i := range list {
			rate := early
			if i >= at {
				rate = late
			}
			for range 20 {
				if random.Float64() < rate/20 {
					list[i]++
				}
			}
		}
		return list
	}
	for _, tt := range []struct {
		name        string
		early, late float64
		at, near    int
	}{
		{"an outage of a healthy app", 0, 15, 230, 0},
		{"an outage near the end", 0, 15, 239, 0},
		{"a rise of what fails now and then", 0.2, 4, 120, 1},
		{"a trickle", 0, 0.3, 100, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			column, found := onset(counts(tt.early, tt.late, tt.at))
			if away := max(column-tt.at, tt.at-column); !found || away > tt.near {
				t.Errorf("onset = %d, %v, want %d", column, found, tt.at)
			}
		})
	}
	wrong := 0
	for range 200 {
		if _, found := onset(counts(0.5, 0.5, 0)); found {
			wrong++
		}
	}
	if wrong > 6 {
		t.Errorf("%d rises in 200 steady histories", wrong)
	}
	for _, none := range [][]float64{nil, {0}, {5}, {0, 0, 0}, {9, 0, 0}} {
		if column, found := onset(none); found {
			t.Errorf("onset(%v) = %d", none, column)
		}
	}
}
