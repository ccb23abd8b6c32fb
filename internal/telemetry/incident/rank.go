package incident

import (
	"cmp"
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// explain runs all rules, and returns their lines in order.
func (q *inquiry) explain(ctx context.Context) (causes []Cause, findings []archive.Finding, err error) {
	for _, rule := range [...]func(context.Context) ([]Cause, error){q.moments, q.failures, q.statements} {
		found, err := rule(ctx)
		if err != nil {
			return nil, nil, err
		}
		causes = append(causes, found...)
	}
	values, findings, err := q.values(ctx)
	if err != nil {
		return nil, nil, err
	}
	causes = append(causes, values...)
	causes = append(causes, q.traffic()...)
	causes = append(causes, q.waits()...)
	return rank(causes), findings, nil
}

// rank orders causes by score. Of several about one value, the best stays.
func rank(causes []Cause) []Cause {
	slices.SortStableFunc(causes, func(x, y Cause) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), x.At.Compare(y.At), cmp.Compare(x.Text, y.Text))
	})
	type name struct {
		archive.Dimension
		value string
	}
	known := map[name]bool{}
	return slices.DeleteFunc(causes, func(c Cause) bool {
		if c.Dimension == "" {
			return false
		}
		same := name{c.Dimension, c.Value}
		defer func() { known[same] = true }()
		return known[same]
	})
}
