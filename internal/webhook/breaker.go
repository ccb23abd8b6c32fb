package webhook

import "time"

// A State says how an endpoint is doing.
type State string

const (
	Active   State = "active"
	Failing  State = "failing"  // one message at a time tries whether it works again; the others wait
	Disabled State = "disabled" // it gets nothing until its owner enables it
)

const (
	failuresToFailing = 5
	daysToDisabled    = 5 * 24 * time.Hour

	throttlePause = 5 * time.Second // after 429, 502 or 504 without Retry-After
	firstPause    = time.Minute     // before the first trial of a failing endpoint; it doubles up to longestPause
	longestPause  = time.Hour
	trialTime     = time.Minute // a trial without an outcome for so long is lost, and another one may begin
)

// A Breaker keeps messages from an endpoint that fails, so that they keep their attempts. It is a value: methods return the
// changed one. The zero value is for a new endpoint.
type Breaker struct {
	State     State     // "" is Active
	Failures  int       // attempts that failed since the last one that succeeded
	Since     time.Time // of the first of them
	Trials    int       // trials that failed since the endpoint is failing
	NotBefore time.Time // no attempt begins earlier
}

// A Ticket allows one attempt. Its outcome comes back to Record.
type Ticket struct {
	Trial bool // of a failing endpoint
}

// Allow decides whether an attempt may begin now. If ok is false, it may begin at NotBefore, or never if the endpoint is
// disabled.
func (b Breaker) Allow(now time.Time) (after Breaker, ticket Ticket, ok bool) {
	wait := b.NotBefore.Sub(now)
	isSetBack := wait > MaxRetryAfter // no pause is so long: the clock was wrong before
	switch {
	case b.State == Disabled || (wait > 0 && !isSetBack):
		return b, Ticket{}, false
	case b.State == Failing:
		b.NotBefore = now.Add(trialTime)
		return b, Ticket{Trial: true}, true
	}
	return b, Ticket{}, true
}

// Record takes the outcome of an attempt. wanted is what the receiver asked for, see RetryAfter. Outcomes of attempts that
// began before the endpoint was failing may come later; only a trial makes the pause longer.
func (b Breaker) Record(ticket Ticket, outcome Outcome, wanted time.Duration, now time.Time) Breaker {
	switch {
	case b.State == Disabled:
		return b
	case outcome == Gone:
		b.State = Disabled
		return b
	case outcome == Delivered:
		return Breaker{State: Active}
	}
	if b.Failures == 0 {
		b.Since = now
	}
	b.Failures++
	if b.Failures >= failuresToFailing && now.Sub(b.Since) >= daysToDisabled {
		b.State = Disabled
		return b
	}
	pause := min(wanted, MaxRetryAfter)
	if outcome == Throttled {
		pause = max(pause, throttlePause)
	}
	isFirst := b.State != Failing && b.Failures >= failuresToFailing
	switch {
	case isFirst:
		b.State, pause = Failing, max(pause, firstPause)
	case ticket.Trial && b.State == Failing:
		b.Trials++
		pause = max(pause, pauseAfter(b.Trials))
	}
	if until := now.Add(pause); until.After(b.NotBefore) {
		b.NotBefore = until
	}
	return b
}

// pauseAfter returns the pause of a failing endpoint after some trials.
func pauseAfter(trials int) time.Duration {
	pause := firstPause
	for range trials {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}
