package archive

import (
	"cmp"
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A FailureCount says how often a group of errors occurred among some records.
type FailureCount struct {
	ErrorGroup // First, Last and Count are about these records; Build and Revision are empty
	Weight     float64
}

// Failures groups the failed records that a filter selects by their errors, the most frequent first.
func (a *Archive) Failures(ctx context.Context, f Filter) (list []FailureCount, err error) {
	defer errs.Wrap(&err, "archive.Failures")
	f.Failed = true
	groups := map[int64]*FailureCount{}
	_, err = a.countEach(ctx, f, func(key int64, d *body, _ map[int64]process) {
		found, at := failureOf(d), timeOf(key)
		id := found.fingerprint()
		group := groups[id]
		if group == nil {
			if len(groups) >= maxGroups {
				return
			}
			group = &FailureCount{ErrorGroup: ErrorGroup{ID: id, Kind: found.kind, Text: found.text, Route: found.route, Last: at, Example: found.id}}
			groups[id] = group
		}
		group.Count++
		group.First = at // the newest come first
		group.Weight += d.weight()
	})
	for _, group := range groups {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(x, y FailureCount) int {
		return cmp.Or(cmp.Compare(y.Weight, x.Weight), x.First.Compare(y.First), cmp.Compare(x.ID, y.ID))
	})
	return list, err
}
