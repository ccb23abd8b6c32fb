package deploy

import (
	"cmp"
	"math"
	"slices"
)

// rankTest returns how likely it is that xs are larger than ys by chance alone: the one-sided test of Mann and Whitney, with
// the normal approximation and the correction for ties. Each list needs eight values or more for the approximation to hold.
func rankTest(xs, ys []float64) (chance float64) {
	type value struct {
		number float64
		isX    bool
	}
	all := make([]value, 0, len(xs)+len(ys))
	for _, x := range xs {
		all = append(all, value{x, true})
	}
	for _, y := range ys {
		all = append(all, value{y, false})
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.number, b.number) })
	ranks, ties := 0.0, 0.0
	for begin := 0; begin < len(all); {
		end := begin + 1
		for end < len(all) && all[end].number == all[begin].number {
			end++
		}
		rank := float64(begin+end+1) / 2 // the mean of the ranks begin+1 to end
		for _, v := range all[begin:end] {
			if v.isX {
				ranks += rank
			}
		}
		tied := float64(end - begin)
		ties += tied*tied*tied - tied
		begin = end
	}
	return chanceOf(ranks, float64(len(xs)), float64(len(ys)), ties)
}

func chanceOf(ranks, n, m, ties float64) float64 {
	larger := ranks - n*(n+1)/2 // pairs in which x is larger
	total := n + m
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 { // all values are the same
		return 1
	}
	z := (larger - n*m/2 - 0.5) / math.Sqrt(variance)
	return math.Erfc(z/math.Sqrt2) / 2
}
