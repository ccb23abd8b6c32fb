package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
)

const (
	newWeight       = 0.85 // of an error that was not there before
	oldWeight       = 0.6
	statementWeight = 0.7
	leastShare      = 0.1 // of the failed requests, for an error to get a line
	maxErrors       = 3
)

// errorLine is an error of failed requests, on all routes.
type errorLine struct {
	kind, text string
	weight     float64
	routes     []string
	first      time.Time // seen ever
}

// failures makes a line of each frequent error.
func (q *inquiry) failures(ctx context.Context) (causes []Cause, err error) {
	for i := range q.aspects {
		a := &q.aspects[i]
		if !a.bad.Failed || a.many.Total.Weight == 0 {
			continue
		}
		lines, err := q.errorLines(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, l := range lines[:min(len(lines), maxErrors)] {
			share := l.weight / a.many.Total.Weight
			if share < leastShare {
				break
			}
			causes = append(causes, q.errorCause(a, l, share))
		}
	}
	return causes, nil
}

func (q *inquiry) errorCause(a *aspect, l *errorLine, share float64) Cause {
	weight, seen := oldWeight, "seen before"
	if !l.first.Before(q.from.Add(-nearBefore)) {
		weight, seen = newWeight, "never seen before"
	}
	where := "on " + l.routes[0]
	logs := q.within(a.bad)
	if len(l.routes) > 1 {
		where = fmt.Sprintf("on %d routes", len(l.routes))
	} else {
		logs.Where = append(slices.Clone(logs.Where), archive.Condition{Dimension: archive.Route, Values: l.routes})
	}
	text := l.kind
	if l.text != "" {
		text += ": " + l.text
	}
	return Cause{
		Rule: Failure, Text: "Requests fail with " + errs.Clip(text, 300), Score: weight * share, Logs: logs,
		Figure: fmt.Sprintf("%s of the failed requests, %s, %s", percent(share), where, seen),
	}
}

// errorLines returns the errors of an aspect, the most frequent first.
func (q *inquiry) errorLines(ctx context.Context, a *aspect) (lines []*errorLine, err error) {
	counts, err := q.archive.Failures(ctx, q.within(a.bad))
	if err != nil {
		return nil, err
	}
	groups, err := q.archive.Errors(ctx, q.from)
	if err != nil {
		return nil, err
	}
	first := map[int64]time.Time{}
	for i := range groups {
		first[groups[i].ID] = groups[i].First
	}
	for i := range counts {
		count := &counts[i]
		at := slices.IndexFunc(lines, func(l *errorLine) bool { return l.kind == count.Kind && l.text == count.Text })
		if at < 0 {
			at = len(lines)
			lines = append(lines, &errorLine{kind: count.Kind, text: count.Text, first: count.First})
		}
		l := lines[at]
		l.weight += count.Weight
		l.routes = append(l.routes, count.Route)
		if seen, ok := first[count.ID]; ok {
			l.first = earlier(l.first, seen)
		}
	}
	slices.SortStableFunc(lines, func(x, y *errorLine) int { return cmp.Compare(y.weight, x.weight) })
	return lines, nil
}

const (
	listedTraces = 400
	readTraces   = 40
)

// statements makes a line of the statement that slow requests spend most of their time in.
func (q *inquiry) statements(ctx context.Context) (causes []Cause, err error) {
	for i := range q.aspects {
		a := &q.aspects[i]
		if a.bad.Failed || a.many.Total.Weight == 0 {
			continue
		}
		c, ok, err := q.slowStatement(ctx, a)
		if err != nil {
			return nil, err
		}
		if ok {
			causes = append(causes, c)
		}
	}
	return causes, nil
}

func (q *inquiry) slowStatement(ctx context.Context, a *aspect) (c Cause, ok bool, err error) {
	list, err := q.archive.Traces(ctx, q.from, q.readTo, listedTraces)
	if err != nil {
		return Cause{}, false, err
	}
	list = slices.DeleteFunc(list, func(t archive.Trace) bool { return t.Duration < a.bad.MinDuration })
	times, whole, read := map[string]time.Duration{}, time.Duration(0), 0
	for i := 0; i < len(list); i += 1 + len(list)/readTraces {
		kept, err := q.archive.Trace(ctx, list[i].ID)
		if err != nil {
			continue // it has made room for another one
		}
		t, err := trace.Decode(kept.Body)
		if err != nil {
			continue
		}
		read++
		whole += t.Duration
		for _, span := range t.Spans {
			if span.Statement {
				times[span.Name] += span.Duration
			}
		}
	}
	name := ""
	for each, took := range times {
		if name == "" || took > times[name] || (took == times[name] && each < name) {
			name = each
		}
	}
	if share := float64(times[name]) / max(float64(whole), 1); name != "" && share >= leastWait {
		return Cause{
			Rule: Statement, Text: "Slow requests spend their time in " + strings.TrimSpace(errs.Clip(name, 200)), Score: statementWeight * min(1, share),
			Figure: fmt.Sprintf("%s of the time of %d traces", percent(min(1, share)), read), Logs: q.within(a.bad),
		}, true, nil
	}
	return Cause{}, false, nil
}
