package incident

import (
	"math"
	"time"
)

// leastRise is the log-likelihood ratio from which a rise is no chance. 7 is about one chance in ten thousand.
const leastRise = 7

// onset returns the column from which on the counts are higher, and whether there is one. Of all columns it takes the one that
// divides the counts best into two Poisson processes with a higher rate in the second.
func onset(counts []float64) (column int, found bool) {
	total := 0.0
	for _, n := range counts {
		total += n
	}
	best, before := float64(leastRise), 0.0
	for c := 1; c < len(counts); c++ {
		before += counts[c-1]
		after := total - before
		early, late := float64(c), float64(len(counts)-c)
		if before/early >= after/late {
			continue
		}
		ratio := likelihood(before, early) + likelihood(after, late) - likelihood(total, early+late)
		if ratio > best {
			best, column, found = ratio, c, true
		}
	}
	return column, found
}

// likelihood is the part of the log-likelihood of a Poisson process that depends on its rate.
func likelihood(count, columns float64) float64 {
	if count == 0 {
		return 0
	}
	return count * math.Log(count/columns)
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
