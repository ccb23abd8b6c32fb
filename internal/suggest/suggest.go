// Package suggest finds the name that was probably meant.
package suggest

// From returns "; did you mean x?" for the candidate nearest to name, or "" where none is near.
func From(name string, candidates []string) string {
	best, distance := "", len(name)/3+2 // a third of the letters may differ
	for _, c := range candidates {
		if d := levenshtein(name, c); d < min(distance, len(c)) { // a name of which nothing is left was not meant
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// levenshtein counts the insertions, deletions and substitutions of bytes between two names.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
