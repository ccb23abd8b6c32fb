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

// varied is what is left of the score of a cause for each better one of the same rule. So the first lines are of several rules.
const varied = 0.85

// leastScore leaves out lines that would mislead more than they tell.
const leastScore = 0.25

// rank orders causes by score. Of several about one value, the best stays.
func rank(causes []Cause) (ranked []Cause) {
	type name struct {
		archive.Dimension
		value string
	}
	known, of := map[name]bool{}, map[Rule]float64{}
	for len(causes) > 0 && len(ranked) < maxCauses {
		best := 0
		for i := range causes {
			if causes[i].better(&causes[best], of) {
				best = i
			}
		}
		c := causes[best]
		causes = slices.Delete(causes, best, best+1)
		same := name{c.Dimension, c.Value}
		if c.Dimension != "" && known[same] {
			continue
		}
		if c.Score *= factor(of, c.Rule); c.Score < leastScore {
			break
		}
		known[same], of[c.Rule] = true, factor(of, c.Rule)*varied
		ranked = append(ranked, c)
	}
	return ranked
}

// factor returns what is left of the scores of a rule.
func factor(of map[Rule]float64, rule Rule) float64 {
	if left, ok := of[rule]; ok {
		return left
	}
	return 1
}

func (c *Cause) better(other *Cause, of map[Rule]float64) bool {
	return cmp.Or(
		cmp.Compare(c.Score*factor(of, c.Rule), other.Score*factor(of, other.Rule)),
		other.At.Compare(c.At),
		cmp.Compare(other.Text, c.Text),
	) > 0
}
