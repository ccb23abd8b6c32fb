// Package objective decides from counts of good and bad events when an alert begins and ends.
//
// The files form layers. From the top down:
//   - service.go evaluates every ten seconds, collector.go counts the requests for it.
//   - evaluator.go holds the alerts of all objectives, state.go stores them.
//   - rule.go has the rules of an alert.
//   - point.go compares the newest restorable moment with its objective.
//   - series.go sums the events of one objective over windows of time.
//
// Everything below service.go is arithmetic: the caller passes the time.
package objective

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Kind says which events of an objective are bad.
type Kind string

const (
	Available Kind = "available" // the server failed
	Fast      Kind = "fast"      // the answer took too long
)

// A Severity says how soon somebody must act.
type Severity string

const (
	Page   Severity = "page"   // now
	Ticket Severity = "ticket" // within days
)

// An Objective is a share of events that must be good.
type Objective struct {
	Name   string
	Kind   Kind
	Target float64       // percent, above 0 and below 100; of RestorePoint: 0
	Below  time.Duration // of Fast: the longest time of a good answer; of RestorePoint: the oldest restorable moment
}

// budget returns the share of events that may be bad.
func (o Objective) budget() float64 { return 1 - o.Target/100 }

// ProbeName is the name of the objective for requests that the server makes to itself.
const ProbeName = "probe"

// probeTarget is the objective of the probe in percent. What counts is that several probes in a row fail.
const probeTarget = 99.9

// Of returns the objectives of a model that count events: one or two for each SLO, and one for the probe. See PointsOf.
func Of(operate *model.Operate) []Objective {
	var all []Objective
	for _, slo := range operate.SLOs {
		if slo.Available > 0 {
			all = append(all, Objective{Name: slo.Name, Kind: Available, Target: slo.Available})
		}
		if slo.FastShare > 0 {
			all = append(all, Objective{Name: slo.Name, Kind: Fast, Target: slo.FastShare, Below: slo.FastBelow})
		}
	}
	if operate.Probe.Every > 0 {
		all = append(all, Objective{Name: ProbeName, Kind: Available, Target: probeTarget})
	}
	return all
}

// An Alert tells that an objective is missed, or no longer missed.
type Alert struct {
	Objective
	Severity Severity
	Firing   bool      // false: it is over
	Since    time.Time // when it began
	At       time.Time // of this event

	Window     time.Duration // over which the rule looked
	Burn       float64       // how many times faster than allowed the window used the budget
	Bad, Total uint64        // events in the window
	OneCaller  bool          // a single caller had all bad events
	BudgetLeft float64       // share of the budget of 30 days; negative when overspent
}

// Key names the alert. It is the same for each time that it fires, and on each node.
func (a *Alert) Key() string { return a.Name + "/" + string(a.Kind) + "/" + string(a.Severity) }

// Summary is one sentence about the alert.
func (a *Alert) Summary() string {
	what := "requests failed"
	switch {
	case a.Name == ProbeName:
		what = "requests of the server to itself failed"
	case a.Kind == Fast:
		what = "answers took more than " + a.Below.String()
	}
	if !a.Firing {
		return fmt.Sprintf("%s: over after %s", a.Name, Span(a.At.Sub(a.Since)))
	}
	if a.Kind == RestorePoint {
		return fmt.Sprintf("%s: the newest restorable moment is %s old, with an objective of %s", a.Name, Span(a.At.Sub(a.Since)+a.Below), Span(a.Below))
	}
	return fmt.Sprintf("%s: %d of %d %s in %s, with an objective of %s %%", a.Name, a.Bad, a.Total, what, Span(a.Window), percent(a.Target))
}

// Span writes a length of time in its largest units, such as 1h20m or 3d.
func Span(span time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case span < time.Minute:
		return span.Round(time.Second).String()
	case span < time.Hour:
		return strconv.Itoa(int(span.Round(time.Minute)/time.Minute)) + "m"
	case span < day:
		text := strconv.Itoa(int(span/time.Hour)) + "h"
		if minutes := int(span % time.Hour / time.Minute); minutes > 0 {
			text += strconv.Itoa(minutes) + "m"
		}
		return text
	default:
		text := strconv.Itoa(int(span/day)) + "d"
		if hours := int(span % day / time.Hour); hours > 0 {
			text += strconv.Itoa(hours) + "h"
		}
		return text
	}
}

func percent(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }
