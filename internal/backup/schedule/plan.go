package schedule

import "time"

// A plan is when one kind of work is due, and who works on it.
type plan struct {
	Next     time.Time `json:"next"`
	LastOK   time.Time `json:"last_ok"`  // begin of the last one that worked
	Failures int       `json:"failures"` // in a row

	Attempt string    `json:"attempt,omitempty"` // that runs; "": none
	Node    string    `json:"node,omitempty"`
	Until   time.Time `json:"until"` // end of the lease
}

type plans map[string]*plan

// of returns the plan of a kind. A new one is due now. A plan of a model with longer pauses is due earlier.
func (all plans) of(kind string, now time.Time, every time.Duration) *plan {
	p := all[kind]
	if p == nil {
		p = &plan{Next: now}
		all[kind] = p
	}
	if every > 0 && p.Next.After(now.Add(every)) {
		p.Next = now.Add(every)
	}
	return p
}

// runs reports whether a node works on it and has a lease.
func (p *plan) runs(now time.Time) bool { return p.Attempt != "" && p.Until.After(now) }

func (p *plan) due(now time.Time) bool { return !p.runs(now) && !p.Next.After(now) }

// An outcome is how an attempt ended.
type outcome string

const (
	running outcome = "running"
	done    outcome = "done"
	failed  outcome = "failed"
	stopped outcome = "stopped" // the server stopped: the attempt is made again at the next start
	lost    outcome = "lost"    // its node was gone
)

// end notes how the present attempt ended. Missed times are made up for by one attempt.
func (p *plan) end(how outcome, begun, now time.Time, every time.Duration) {
	p.Attempt, p.Node, p.Until = "", "", time.Time{}
	switch how {
	case done:
		p.Failures, p.LastOK = 0, begun
		p.Next = following(p.Next, now, every)
	case stopped:
		p.Next = now
	default:
		p.Failures++
		p.Next = now.Add(backoff(p.Failures, min(longestBackoff, max(every, time.Hour)/4)))
	}
}

// following returns the first time after now in steps from a due one. So backups stay at their time of the day.
func following(due, now time.Time, every time.Duration) time.Time {
	if every <= 0 {
		return now
	}
	if due.After(now) {
		return due
	}
	return due.Add((now.Sub(due)/every + 1) * every)
}

const (
	firstBackoff   = time.Minute
	longestBackoff = time.Hour
)

// backoff returns the pause after failures in a row: a minute, doubled with each further one.
func backoff(failures int, longest time.Duration) time.Duration {
	pause := firstBackoff
	for range min(failures-1, 10) {
		pause *= 2
	}
	return min(pause, longest)
}

// overdue reports whether the last one that worked is too long ago.
func (p *plan) overdue(now time.Time, every time.Duration) bool {
	return every > 0 && !p.LastOK.IsZero() && now.Sub(p.LastOK) > every+every/2
}
