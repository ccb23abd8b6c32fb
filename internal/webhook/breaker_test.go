package webhook

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// try makes an attempt with an outcome. It fails if no attempt is allowed.
func try(t *testing.T, b Breaker, outcome Outcome, now time.Time) Breaker {
	t.Helper()
	after, ticket, ok := b.Allow(now)
	if !ok {
		t.Fatalf("%+v allows nothing at %v", b, now)
	}
	return after.Record(ticket, outcome, 0, now)
}

func TestBreakerTripsAndRecovers(t *testing.T) {
	var b Breaker
	now := start
	for i := 1; i < failuresToFailing; i++ {
		if b = try(t, b, Failed, now); b.State == Failing {
			t.Fatalf("failing after %d failures", i)
		}
	}
	if b = try(t, b, Failed, now); b.State != Failing {
		t.Fatalf("%+v after %d failures", b, failuresToFailing)
	}
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} { // minutes
		if want := now.Add(pause * time.Minute); !b.NotBefore.Equal(want) {
			t.Fatalf("%d trials: the next is at %v, want %v", b.Trials, b.NotBefore, want)
		}
		late := b.Record(Ticket{}, Failed, 0, now) // of an attempt that began before
		if late.Trials != b.Trials || late.NotBefore != b.NotBefore {
			t.Fatalf("a late failure makes the pause longer: %+v", late)
		}
		if _, _, ok := b.Allow(b.NotBefore.Add(-1)); ok {
			t.Fatal("an attempt is allowed too early")
		}
		now = b.NotBefore
		granted, ticket, ok := b.Allow(now)
		if !ok || !ticket.Trial {
			t.Fatalf("no trial at %v: %+v", now, b)
		}
		if _, _, second := granted.Allow(now); second {
			t.Fatal("two trials at once")
		}
		if _, _, later := granted.Allow(now.Add(trialTime)); !later {
			t.Fatal("a lost trial stops the endpoint for good")
		}
		b = granted.Record(ticket, Failed, 0, now)
	}
	now = b.NotBefore
	if b = try(t, b, Delivered, now); b != (Breaker{State: Active}) {
		t.Errorf("after a delivery: %+v", b)
	}
	if _, ticket, ok := b.Allow(now); !ok || ticket.Trial {
		t.Error("a working endpoint gets nothing")
	}
}

func TestAnEndpointIsDisabledAfterFiveDaysOfFailure(t *testing.T) {
	failing := Breaker{State: Failing, Failures: 9, Since: start, Trials: 4}
	if b := failing.Record(Ticket{Trial: true}, Failed, 0, start.Add(daysToDisabled-1)); b.State != Failing {
		t.Errorf("a moment before: %+v", b)
	}
	b := failing.Record(Ticket{Trial: true}, Failed, 0, start.Add(daysToDisabled))
	if b.State != Disabled {
		t.Errorf("after five days: %+v", b)
	}
	if _, _, ok := b.Allow(start.Add(1000 * time.Hour)); ok {
		t.Error("a disabled endpoint gets messages")
	}
	if late := b.Record(Ticket{}, Delivered, 0, start.Add(daysToDisabled)); late.State != Disabled {
		t.Errorf("a late answer: %+v", late) // its owner was told, so only its owner changes that
	}
	few := Breaker{Failures: 3, Since: start}
	if b := few.Record(Ticket{}, Failed, 0, start.Add(2*daysToDisabled)); b.State == Disabled {
		t.Errorf("with few messages: %+v", b)
	}
	recovered := failing.Record(Ticket{Trial: true}, Delivered, 0, start.Add(daysToDisabled))
	if b := recovered.Record(Ticket{}, Failed, 0, start.Add(daysToDisabled+time.Hour)); b.Since != start.Add(daysToDisabled+time.Hour) || b.Failures != 1 {
		t.Errorf("the count goes on after a delivery: %+v", b)
	}
}

func TestGoneDisablesAtOnce(t *testing.T) {
	for _, b := range []Breaker{{}, {State: Active}, {State: Failing, Failures: 7, Since: start}} {
		if after := b.Record(Ticket{}, Gone, 0, start); after.State != Disabled {
			t.Errorf("%+v becomes %+v", b, after)
		}
	}
}

func TestThrottle(t *testing.T) {
	for _, tt := range []struct {
		outcome        Outcome
		wanted, paused time.Duration
	}{
		{Throttled, 0, throttlePause}, {Throttled, time.Second, throttlePause}, {Throttled, time.Hour, time.Hour}, {Failed, time.Minute, time.Minute},
		{Failed, 0, 0}, {Throttled, 1000 * time.Hour, MaxRetryAfter},
	} {
		b := Breaker{}.Record(Ticket{}, tt.outcome, tt.wanted, start)
		if got := b.NotBefore.Sub(start); got != tt.paused {
			t.Errorf("%s with Retry-After %v: %v, want %v", tt.outcome, tt.wanted, got, tt.paused)
		}
		if _, _, ok := b.Allow(start.Add(tt.paused)); !ok {
			t.Errorf("%s with Retry-After %v: nothing after the pause", tt.outcome, tt.wanted)
		}
	}
}

// A clock that was a year ahead must not hold an endpoint up for a year.
func TestAClockThatIsSetBack(t *testing.T) {
	for _, state := range []State{Active, Failing} {
		b := Breaker{State: state, Failures: 7, Since: start, NotBefore: start.AddDate(1, 0, 0)}
		after, ticket, ok := b.Allow(start)
		if !ok {
			t.Errorf("%s: nothing is allowed", state)
		}
		if after = after.Record(ticket, Failed, 0, start); state == Failing && after.NotBefore.After(start.Add(2*longestPause)) {
			t.Errorf("%s: the next attempt is at %v", state, after.NotBefore)
		}
	}
}

// A past is what happened to an endpoint, kept in full. It says in other words what the Breaker must do.
type past struct {
	failures []time.Time // since the last delivery
	asked    time.Time   // the end of all pauses that the receiver asked for since then
	trial    time.Time   // the begin of the last trial
	disabled bool
}

func (p *past) record(outcome Outcome, wanted time.Duration, now time.Time) {
	switch {
	case p.disabled:
	case outcome == Delivered:
		*p = past{}
	case outcome == Gone:
		p.disabled = true
	default:
		p.failures = append(p.failures, now)
		p.disabled = len(p.failures) >= 5 && now.Sub(p.failures[0]) >= 120*time.Hour
		if until := now.Add(wanted); until.After(p.asked) {
			p.asked = until
		}
	}
}

func (p *past) state() State {
	switch {
	case p.disabled:
		return Disabled
	case len(p.failures) >= 5:
		return Failing
	}
	return Active
}

func TestBreakerDoesWhatItsPastSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Breaker
		var history past
		var underway []Ticket
		now := start
		outcomes := rapid.SampledFrom([]Outcome{Failed, Failed, Failed, Failed, Failed, Throttled, Throttled, Delivered, Gone})
		if rapid.Bool().Draw(t, "nothing works") { // so that the five days are reached
			outcomes = rapid.SampledFrom([]Outcome{Failed, Throttled})
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int64{0, 1, int64(time.Second), int64(time.Minute), int64(10 * time.Minute), int64(3 * time.Hour)}).Draw(t, "passes")))
			after, ticket, ok := b.Allow(now)
			checkAllow(t, b, after, ticket, ok, &history, now)
			if b = after; ok {
				underway = append(underway, ticket)
				if ticket.Trial {
					history.trial = now
				}
			}
			if len(underway) == 0 || rapid.IntRange(0, 2).Draw(t, "waits") == 0 {
				continue
			}
			i := rapid.IntRange(0, len(underway)-1).Draw(t, "attempt")
			outcome := outcomes.Draw(t, "outcome")
			wanted := time.Duration(rapid.SampledFrom([]int64{0, 0, int64(time.Second), int64(20 * time.Minute), int64(24 * time.Hour)}).Draw(t, "wanted"))
			b = b.Record(underway[i], outcome, wanted, now)
			history.record(outcome, wanted, now)
			underway = slices.Delete(underway, i, i+1)
			if state := b.State; state != history.state() && (state != "" || history.state() != Active) {
				t.Fatalf("%s, want %s: %+v", state, history.state(), b)
			}
		}
	})
}

// checkAllow checks one decision of a Breaker.
func checkAllow(t *rapid.T, b, after Breaker, ticket Ticket, ok bool, history *past, now time.Time) {
	state := history.state()
	switch {
	case ok && state == Disabled:
		t.Fatalf("a disabled endpoint gets a message")
	case ok && now.Before(history.asked):
		t.Fatalf("the receiver asked for a pause until %v, and gets a message at %v", history.asked, now)
	case ok && ticket.Trial != (state == Failing):
		t.Fatalf("trial: %v, but the endpoint is %s", ticket.Trial, state)
	case ok && ticket.Trial && !history.trial.IsZero() && now.Sub(history.trial) < time.Minute:
		t.Fatalf("trials at %v and %v", history.trial, now)
	case !ok && state == Active && !now.Before(history.asked) && b.NotBefore.Sub(now) > 5*time.Second:
		t.Fatalf("a working endpoint waits until %v", b.NotBefore)
	case !ok && after != b:
		t.Fatalf("a refusal changes %+v to %+v", b, after)
	case !ok && state != Disabled && b.NotBefore.Sub(now) > 24*time.Hour:
		t.Fatalf("it waits until %v, longer than a day", b.NotBefore)
	}
	if _, _, later := after.Allow(after.NotBefore); !later && state != Disabled {
		t.Fatalf("%+v allows nothing at its NotBefore", after)
	}
}
