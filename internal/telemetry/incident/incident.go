// Package incident keeps the incidents of an app, with their most likely causes.
//
// The files form layers. From the top down:
//   - follow.go opens and closes incidents as alerts come and go, hand.go does so for people.
//   - markdown.go writes a report as a page to paste.
//   - report.go returns the report of one incident, and service.go has what all of these share.
//   - analyse.go finds when an incident began, and rank.go puts the lines of all rules in order.
//   - failure.go, traffic.go, value.go and moment.go have the rules. Each makes lines from one kind of evidence.
//   - inquiry.go, aspect.go and onset.go are what the rules work on.
//   - state.go is what the database keeps, incident.go has the types.
package incident

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// The states of an incident.
const (
	Open   = "open"
	Closed = "closed"
)

// A Report says what is known about an incident.
type Report struct {
	Incident archive.Incident // with its notes
	Alerts   []Alert          // that opened it; none if a person did

	From, To time.Time // when it began and ended; To is the present for an open one
	Bad      float64   // requests that failed or were slow in that time
	Total    float64   // requests in that time
	Causes   []Cause   // the most likely first
	Findings []archive.Finding
	Lost     []objective.Loss // of the budgets of the objectives that lost something
	Chart    Chart
	Partial  bool // there are more records than could be read

	Timeline []archive.Event // the oldest first
}

// An Alert is an alert that belongs to an incident.
type Alert struct {
	Key      string             `json:"key"`
	Name     string             `json:"name"` // of the objective
	Kind     objective.Kind     `json:"kind"`
	Severity objective.Severity `json:"severity"`
	Summary  string             `json:"summary"`
	Since    time.Time          `json:"since"`
	Window   time.Duration      `json:"window"` // over which its rule looked, in nanoseconds
	Below    time.Duration      `json:"below,omitempty"`
	Over     time.Time          `json:"over,omitzero"` // zero while it fires
}

// A Rule is a kind of evidence.
type Rule string

const (
	Moment    Rule = "moment"    // something happened near the begin
	Value     Rule = "value"     // a value that bad requests have, and others do not
	Traffic   Rule = "traffic"   // somebody asks much more than before
	Time      Rule = "time"      // something takes much more of the database's time than before
	Wait      Rule = "wait"      // bad requests wait for their turn
	Failure   Rule = "failure"   // the error of failed requests
	Statement Rule = "statement" // a statement that slow requests spend their time in
)

// A Cause is one line of an explanation.
type Cause struct {
	Rule   Rule           `json:"rule"`
	Text   string         `json:"text"`   // what, in one line for people
	Figure string         `json:"figure"` // the numbers that speak for it
	Score  float64        `json:"score"`  // from 0 to 1
	At     time.Time      `json:"at,omitzero"`
	Logs   archive.Filter `json:"logs"` // selects the records that show it

	Dimension archive.Dimension `json:"dimension,omitempty"` // of a value
	Value     string            `json:"value,omitempty"`
}

// A Chart has the requests of an incident over time, with the time before it.
type Chart struct {
	From  time.Time     `json:"from"`
	Step  time.Duration `json:"step"` // in nanoseconds
	Bad   []float64     `json:"bad"`
	Total []float64     `json:"total"`
}
