package incident

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// weightOf returns how often events of a kind are the cause of what comes after them.
func weightOf(kind string) float64 {
	switch kind {
	case archive.EventAlert, archive.EventAlertOver, archive.EventError: // the rule of failures has the errors
		return 0
	case archive.EventDatabase, archive.EventDisk:
		return 0.95
	case archive.EventDeploy, archive.EventMigration, archive.EventSetting, archive.EventCertificate, archive.EventLock:
		return 0.9
	case archive.EventAudit:
		return 0.85
	case archive.EventClock, archive.EventIndex, archive.EventLimit:
		return 0.8
	case archive.EventJob:
		return 0.6
	case archive.EventStop:
		return 0.4
	case archive.EventBackup:
		return 0.3
	}
	return 0.5
}

// overPart is the part of a weight that the end of something has: it explains why an incident ended.
const overPart = 0.3

// Events have their full weight in this time around the begin. Beyond, it is halved by each further halving.
const (
	nearBefore = 2 * time.Minute
	nearAfter  = 15 * time.Minute
	halving    = 20 * time.Minute
)

// nearness returns from 0 to 1 how near to the begin of the incident an event is. A change that came later is no cause, but what
// somebody notices may be noticed late.
func (q *inquiry) nearness(e archive.Event) float64 {
	after := nearAfter
	switch e.Kind {
	case archive.EventDeploy, archive.EventMigration, archive.EventSetting, archive.EventStart, archive.EventStop:
		after = nearBefore
	}
	away := max(q.from.Add(-nearBefore).Sub(e.At), e.At.Sub(q.from.Add(after)), 0)
	if after == nearBefore && e.At.After(q.from) {
		away *= 4
	}
	return float64(halving) / float64(halving+away)
}

// moments makes a line of each event near the begin. Events with the same text but for their numbers share a line.
func (q *inquiry) moments(ctx context.Context) (causes []Cause, err error) {
	events, err := q.archive.Events(ctx, q.beforeFrom, q.to.Add(time.Second), maxEvents)
	if err != nil {
		return nil, err
	}
	lines := map[string]int{} // index in causes
	repeated := map[string]int{}
	for _, e := range events {
		weight := weightOf(e.Kind)
		if weight == 0 {
			continue
		}
		if e.Details == archive.Over {
			weight *= overPart
		}
		c := Cause{Rule: Moment, Text: e.Kind + ": " + e.Text, Figure: q.distance(e.At), Score: weight * q.nearness(e), At: e.At}
		c.Logs = archive.Filter{From: e.At.Add(-time.Minute), To: e.At.Add(nearBefore)}
		same := kindOf(e)
		repeated[same]++
		i, known := lines[same]
		switch {
		case !known:
			lines[same] = len(causes)
			causes = append(causes, c)
		case c.Score >= causes[i].Score: // of equal ones the first counts: events come in the order of age
			causes[i] = c
		}
	}
	for same, i := range lines {
		if n := repeated[same]; n > 1 {
			causes[i].Figure += fmt.Sprintf(", %d times in all", n)
		}
	}
	return causes, nil
}

// distance says how far from the begin a moment is.
func (q *inquiry) distance(at time.Time) string {
	away := q.from.Sub(at)
	switch {
	case away.Abs() < time.Second:
		return "at the begin"
	case away > 0:
		return objective.Span(away) + " before the begin"
	}
	return objective.Span(-away) + " after the begin"
}

// kindOf returns a text that is the same for events that share a line. The numbers of a deploy or a change are what it is about.
func kindOf(e archive.Event) string {
	switch e.Kind {
	case archive.EventDeploy, archive.EventMigration, archive.EventSetting:
		return e.Kind + e.Text
	}
	return e.Kind + strings.Join(strings.FieldsFunc(e.Text, unicode.IsDigit), "#")
}
