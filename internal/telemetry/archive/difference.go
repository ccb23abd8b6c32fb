package archive

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Finding is a value that is more frequent among selected records than among others.
type Finding struct {
	Dimension    Dimension
	Value        string // "" stands for records without one
	Selected     Tally  // selected records with the value
	Baseline     Tally  // records of the baseline with the value
	Share        float64
	Usual        float64 // share in the baseline
	Score        float64 // by how much Share is larger for sure: at most 1
	Attributable float64 // share of the selection that the value accounts for, at least
}

// Difference compares the records of a selection with the other records of a baseline.
func (a *Archive) Difference(ctx context.Context, selection, baseline Filter) (_ []Finding, err error) {
	defer errs.Wrap(&err, "archive.Difference")
	selected, err := a.Counts(ctx, selection)
	if err != nil {
		return nil, err
	}
	others, err := a.Counts(ctx, baseline.Without(selection))
	if err != nil {
		return nil, err
	}
	return Difference(selected, others), nil
}

// certainty is the number of standard deviations of the bounds that shares are compared by.
const certainty = 2.5

// Difference returns the values that are over-represented in the selection, the most telling first. Each share becomes an
// interval (Wilson's), and the score is the gap between the two. So a value that is rare in both does not rank by chance.
// Values that say how work ended, such as a status, come last: they describe the selection and do not explain it.
//
// It works on counts, and needs no database.
func Difference(selection, baseline Counts) (findings []Finding) {
	for rank, dimension := range Dimensions() {
		for value, selected := range selection.Values[dimension] {
			usual := baseline.Values[dimension][value]
			f := Finding{
				Dimension: dimension, Value: value, Selected: selected, Baseline: usual,
				Share: share(selected, selection.Total), Usual: share(usual, baseline.Total),
			}
			low, _ := interval(f.Share, selection.Total.size())
			_, high := interval(f.Usual, baseline.Total.size())
			// Of two values that say the same, the dimension that comes first tells more: a millionth for each.
			f.Score = low - high - float64(rank)*1e-6
			if high < 1 {
				f.Attributable = max(0, low-high) / (1 - high)
			}
			if value != Other && f.Score > 0 {
				findings = append(findings, f)
			}
		}
	}
	slices.SortFunc(findings, func(x, y Finding) int {
		return cmp.Or(
			compareBools(x.Dimension.outcome(), y.Dimension.outcome()),
			cmp.Compare(y.Score, x.Score),
			cmp.Compare(x.Value, y.Value),
		)
	})
	return findings
}

func share(part, whole Tally) float64 {
	if whole.Weight == 0 {
		return 0
	}
	return part.Weight / whole.Weight
}

// interval returns the bounds of a share that was found in so many records.
func interval(share, records float64) (low, high float64) {
	if records == 0 {
		return 0, 1
	}
	const square = certainty * certainty
	middle := share + square/(2*records)
	half := certainty * math.Sqrt(share*(1-share)/records+square/(4*records*records))
	whole := 1 + square/records
	return max(0, (middle-half)/whole), min(1, (middle+half)/whole)
}

func compareBools(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}
