// Package suggest finds the probable name behind a misspelt one.
package suggest

// DidYouMean returns "; did you mean x?" for the candidate nearest to name, or "" if no candidate is near. The first of
// several equally near candidates wins.
func DidYouMean(name string, candidates []string) string {
	best, least := "", len(name)
	for _, candidate := range candidates {
		if !mayBeNear(name, candidate) {
			continue
		}
		if d := distance(name, candidate); d <= tolerance(name, candidate) && d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// tolerance returns the largest distance of two near names: one edit for each three bytes of the longer name, and at least
// one.
func tolerance(a, b string) int { return max(len(a), len(b), 3) / 3 }

// mayBeNear returns false if two names cannot be near because their lengths differ too much. The time of distance is the
// product of the lengths, so a name of a megabyte must not get there.
func mayBeNear(a, b string) bool {
	return max(len(a), len(b))-min(len(a), len(b)) <= tolerance(a, b)
}

// distance returns the number of edits from a to b: an insertion, deletion or replacement of a byte, or a swap of two
// neighbours (optimal string alignment).
func distance(a, b string) int {
	beforeLast, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], beforeLast[j-1]+1)
			}
		}
		beforeLast, last, row = last, row, beforeLast
	}
	return last[len(b)]
}
