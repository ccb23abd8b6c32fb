package incident

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// An inquiry is an analysis under way.
type inquiry struct {
	archive *archive.Archive
	aspects []aspect
	slow    time.Duration // from which the archive keeps all records

	alerted    time.Time // when the incident was opened
	from, to   time.Time // the incident
	readTo     time.Time // end of what is read of it
	beforeFrom time.Time // begin of the time before

	during, before archive.Counts // all requests

	partial bool
}

// within returns a filter for the time of the incident.
func (q *inquiry) within(f archive.Filter) archive.Filter {
	f.From, f.To = q.from, q.readTo
	return f
}

// earlierOn returns a filter for the time before the incident.
func (q *inquiry) earlierOn(f archive.Filter) archive.Filter {
	f.From, f.To = q.beforeFrom, q.from
	return f
}
