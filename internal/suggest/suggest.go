// Package suggest finds the name that a writer probably meant.
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

// tolerance is how many edits may separate two names: one for each three bytes of the longer one, and at least one.
func tolerance(a, b string) int { return max(len(a), len(b), 3) / 3 }

// mayBeNear reports whether the lengths of two names are close enough for the names to be near. It spares distance, whose
// time is the product of the lengths, from a name of a megabyte.
func mayBeNear(a, b string) bool {
	return max(len(a), len(b))-min(len(a), len(b)) <= tolerance(a, b)
}

// distance counts the bytes that must be inserted, deleted, replaced or swapped with their neighbour to turn a into b
// (optimal string alignment).
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
