package mail

import "sync/atomic"

// tally counts the letters of this process.
type tally struct{ sent, failed, repeated, due atomic.Int64 }

// Stats are counts of the letters that this process has sent, and of letters that wait.
type Stats struct {
	Sent     int64
	Failed   int64 // for good
	Repeated int64 // attempts that will be repeated
	Due      int64 // letters that were due at the last look, a page at most; letters that wait for a repetition are not
}

// Stats returns the counts.
func (o *Outbox) Stats() Stats {
	t := &o.tally
	return Stats{Sent: t.sent.Load(), Failed: t.failed.Load(), Repeated: t.repeated.Load(), Due: t.due.Load()}
}
