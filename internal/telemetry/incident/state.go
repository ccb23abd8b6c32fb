package incident

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// A state is what the database keeps of an incident, in its details.
type state struct {
	Alerts   []Alert   `json:"alerts,omitempty"`
	Given    bool      `json:"given,omitempty"`    // a person gave the begin
	Analysis *analysis `json:"analysis,omitempty"` // of a closed incident: its records go before it does
}

// An analysis is the part of a report that is computed from records.
type analysis struct {
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
	Bad      float64           `json:"bad"`
	Total    float64           `json:"total"`
	Causes   []Cause           `json:"causes"`
	Findings []archive.Finding `json:"findings"`
	Lost     []objective.Loss  `json:"lost"`
	Chart    Chart             `json:"chart"`
	Partial  bool              `json:"partial,omitempty"`
}

// maxState bounds the details of an incident in bytes. The archive would cut off the rest.
const maxState = 15_000

// readState reads the details of an incident. Details of another form are an empty state.
func readState(details string) (s state) {
	if json.Unmarshal([]byte(details), &s) != nil {
		return state{}
	}
	return s
}

// text returns the details of an incident. It leaves the least telling lines out if they are too long.
func (s state) text() string {
	for {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(s); err == nil && text.Len() <= maxState {
			return strings.TrimSpace(text.String())
		}
		if !s.shorten() {
			return ""
		}
	}
}

// shorten leaves something out, and reports whether there was something left.
func (s *state) shorten() bool {
	a := s.Analysis
	switch {
	case a == nil && len(s.Alerts) > 1:
		s.Alerts = s.Alerts[1:]
		return true
	case a == nil:
		return false
	}
	less := *a
	switch {
	case len(less.Causes) > leastLines:
		less.Causes = less.Causes[:len(less.Causes)-1]
	case len(less.Findings) > leastLines:
		less.Findings = less.Findings[:len(less.Findings)-1]
	case len(less.Chart.Bad) > 0:
		less.Chart = Chart{}
	default:
		s.Analysis = nil
		return true
	}
	s.Analysis = &less
	return true
}

// leastLines is how many lines are left out last.
const leastLines = 3
