package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A family is a set of dimensions that say the same about work: what was asked, who asked.
type family []archive.Dimension

// families returns the families of dimensions. An explanation has one line for each.
func families() []family {
	return []family{
		{archive.Build, archive.Revision},
		asked(),
		callers(),
		{archive.Node},
		{archive.Limit},
	}
}

// asked are the dimensions that say what was asked.
func asked() family {
	return family{archive.Shape, archive.Table, archive.Operation, archive.Route, archive.Method, archive.Cache, archive.Work}
}

// callers are the dimensions that say who asked.
func callers() family { return family{archive.Key, archive.Caller, archive.Remote, archive.Kind} }

// reliance returns how much a value of a dimension explains. Of few values, each is shared by many requests.
func reliance(d archive.Dimension) float64 {
	switch d {
	case archive.Table, archive.Remote, archive.Route:
		return 0.95
	case archive.Operation, archive.Work, archive.Limit, archive.Status:
		return 0.85
	case archive.Method, archive.Kind, archive.Cache:
		return 0.6
	}
	return 1
}

// values compares bad requests with the others of the same time. Each family of dimensions gives its best line.
func (q *inquiry) values(ctx context.Context) (causes []Cause, findings []archive.Finding, err error) {
	for i := range q.aspects {
		a := &q.aspects[i]
		found := archive.Difference(a.many, a.others)
		findings = append(findings, found...)
		for _, f := range families() {
			if c, ok := q.bestValue(a, f, found); ok {
				causes = append(causes, c)
			}
		}
	}
	slices.SortStableFunc(findings, func(x, y archive.Finding) int { return cmp.Compare(y.Score, x.Score) })
	return causes, findings[:min(len(findings), maxFindings)], nil
}

func (q *inquiry) bestValue(a *aspect, f family, found []archive.Finding) (best Cause, ok bool) {
	for i := range found {
		if finding := &found[i]; slices.Contains(f, finding.Dimension) && (finding.Value != "" || finding.Dimension == archive.Key) {
			score := reliance(finding.Dimension) * finding.Attributable
			if score > best.Score {
				best, ok = q.valueCause(a, finding, score), true
			}
		}
	}
	return best, ok
}

func (q *inquiry) valueCause(a *aspect, f *archive.Finding, score float64) Cause {
	logs := q.within(a.bad)
	logs.Where = append(slices.Clone(logs.Where), archive.Condition{Dimension: f.Dimension, Values: []string{f.Value}})
	return Cause{
		Rule: Value, Text: requestsWith(f.Dimension, f.Value) + " " + a.verb, Score: score, Logs: logs, Dimension: f.Dimension, Value: f.Value,
		Figure: fmt.Sprintf("%s of the %s, %s of the others", percent(f.Share), a.noun, percent(f.Usual)),
	}
}

// requestsWith names the requests that have a value.
func requestsWith(d archive.Dimension, value string) string {
	if value == "" {
		return "Requests without " + nameOf(d)
	}
	value = errs.Clip(value, 160)
	switch d {
	case archive.Build:
		return "Requests that build " + value + " answers"
	case archive.Revision:
		return "Requests under model " + value
	case archive.Node:
		return "Requests on node " + value
	case archive.Caller:
		return "Requests of " + value
	case archive.Remote:
		return "Requests from " + value
	case archive.Route:
		return "Requests to " + value
	case archive.Status:
		return "Answers with status " + value
	case archive.Limit:
		return "Requests that the limit " + value + " refuses"
	}
	return "Requests with " + nameOf(d) + " " + value
}

// nameOf names a dimension for people.
func nameOf(d archive.Dimension) string {
	switch d {
	case archive.Key:
		return "the API key"
	case archive.Kind:
		return "the kind of caller"
	case archive.Revision:
		return "the model"
	case archive.Remote:
		return "the address"
	case archive.Build:
		return "build"
	case archive.Node:
		return "node"
	}
	return "the " + string(d)
}

// percent writes a share.
func percent(share float64) string {
	digits := 0
	if share > 0 && share < 0.1 {
		digits = 1
	}
	return strconv.FormatFloat(100*share, 'f', digits, 64) + " %"
}
