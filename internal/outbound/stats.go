package outbound

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// Stats counts calls since the start.
type Stats struct {
	Calls   int64
	Failed  int64 // had no answer, or one with a status of 300 or more
	Refused int64 // were not sent: see Refused. They count as failed too
}

type counts struct{ calls, failed, refused atomic.Int64 }

// tally counts a call.
func (c *counts) tally(answer *http.Response, err error) {
	c.calls.Add(1)
	if err != nil || answer.StatusCode >= 300 {
		c.failed.Add(1)
	}
	if _, ok := errors.AsType[*Refused](err); ok {
		c.refused.Add(1)
	}
}

// Stats returns the counts.
func (e *Egress) Stats() Stats {
	return Stats{e.counts.calls.Load(), e.counts.failed.Load(), e.counts.refused.Load()}
}
