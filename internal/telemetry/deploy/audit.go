// Package deploy compares a server after a deploy with the same server before it.
//
// The files form layers. From the top down:
//   - service.go waits for the end of the time after a deploy, and tells what it found.
//   - collect.go reads windows of time from the telemetry database.
//   - judge.go compares windows. rank.go has the test of significance.
//   - audit.go holds what the others find.
package deploy

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// An Audit says what changed with a deploy.
type Audit struct {
	At       time.Time `json:"at"`     // of the deploy
	Change   string    `json:"change"` // build v1 → v2, model a → b
	Node     string    `json:"node,omitempty"`
	From     time.Time `json:"from"` // of the time after the deploy
	To       time.Time `json:"to"`
	Bases    []string  `json:"bases"`    // names of the times before it: see Window.Name
	Requests float64   `json:"requests"` // after the deploy
	Measures []Measure `json:"measures"` // of all requests, then of routes, the worst first
}

// A Kind is what is measured.
type Kind string

const (
	Rate       Kind = "requests per second"
	Errors     Kind = "failed requests"  // share
	Refused    Kind = "refused requests" // share
	P50        Kind = "p50"              // seconds
	P99        Kind = "p99"              // seconds
	Statements Kind = "statements per request"
	CPU        Kind = "CPU per request" // seconds
	Memory     Kind = "memory"          // bytes
)

// A Verdict says how a measure changed.
type Verdict string

const (
	Worse   Verdict = "worse"
	Better  Verdict = "better"
	Same    Verdict = "same"
	Unknown Verdict = "unknown" // there is too little to compare
)

// A Measure is one number before and after a deploy.
type Measure struct {
	Route   string  `json:"route,omitempty"` // "" stands for all requests
	Kind    Kind    `json:"kind"`
	Before  float64 `json:"before"` // of the first base
	After   float64 `json:"after"`
	Verdict Verdict `json:"verdict"`
}

// Alarms reports whether somebody should know that the measure is worse. A rate is up to the clients, and more statements
// matter only if they take time.
func (m *Measure) Alarms() bool {
	return m.Verdict == Worse && m.Kind != Rate && m.Kind != Statements
}

// Change returns the relative change: 0.5 is half more. It is infinite if there was nothing before.
func (m *Measure) Change() float64 {
	if m.Before == 0 {
		if m.After == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return m.After/m.Before - 1
}

// String returns the measure as a line: "p99 of GET /api/{table} 18 ms → 45 ms".
func (m *Measure) String() string {
	name := string(m.Kind)
	if m.Route != "" {
		name += " of " + m.Route
	}
	return name + " " + m.text(m.Before) + " → " + m.text(m.After)
}

// text returns a value with its unit.
func (m *Measure) text(value float64) string {
	switch m.Kind {
	case Errors, Refused:
		return fmt.Sprintf("%.3g %%", 100*value)
	case P50, P99, CPU:
		return fmt.Sprintf("%.3g ms", 1000*value)
	case Memory:
		return fmt.Sprintf("%.0f MB", value/1e6)
	}
	return fmt.Sprintf("%.3g", value)
}

// Worse returns the measures that somebody should know about, the worst first.
func (a *Audit) Worse() (list []Measure) {
	for _, m := range a.Measures {
		if m.Alarms() {
			list = append(list, m)
		}
	}
	return list
}

// Verdict returns Worse if somebody should know about a measure, Unknown if no measure could be compared, and else Same.
func (a *Audit) Verdict() Verdict {
	switch {
	case len(a.Worse()) > 0:
		return Worse
	case a.known() == 0:
		return Unknown
	}
	return Same
}

// mostNamed bounds the measures of a summary.
const mostNamed = 4

// Summary returns the audit as one line.
func (a *Audit) Summary() string {
	begin := "deploy of " + a.Change + ": "
	worse := a.Worse()
	switch a.Verdict() {
	case Unknown:
		return begin + fmt.Sprintf("too few requests to compare (%.0f)", a.Requests)
	case Same:
		return begin + fmt.Sprintf("nothing got worse in %.0f requests", a.Requests)
	}
	var named []string
	for _, m := range worse[:min(mostNamed, len(worse))] {
		named = append(named, m.String())
	}
	if more := len(worse) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return begin + strings.Join(named, ", ")
}

// known returns how many measures could be compared.
func (a *Audit) known() (n int) {
	for _, m := range a.Measures {
		if m.Verdict != Unknown {
			n++
		}
	}
	return n
}
