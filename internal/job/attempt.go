package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// An attempt is the work on a job in this process.
type attempt struct {
	job    *Job
	cancel context.CancelCauseFunc
	until  time.Time // end of the lease; guarded by runner.mu
	stuck  time.Time // when the lease is given up though the worker has not ended
}

// stuckAfter is for how long a worker may ignore the end of its context.
const stuckAfter = 10 * time.Second

// start works on a job, on a goroutine of its own.
func (r *runner) start(l *loop, j *Job) {
	ctx, cancel := context.WithCancelCause(r.working)
	a := &attempt{job: j, cancel: cancel, until: j.Until}
	h := r.handler(j.Name)
	if h != nil {
		a.stuck = r.now().Add(h.atMost + stuckAfter)
	} else {
		a.stuck = r.now().Add(stuckAfter)
	}
	r.mu.Lock()
	r.held[j.ID] = a
	r.mu.Unlock()
	r.attempts.Add(1)
	began := time.Now()
	background.Go("job "+j.Name, func() error {
		r.work(ctx, a, h)
		return nil
	}, func(err error) {
		background.Report(r.cfg.Logger)(err)
		if errors.Is(err, background.ErrExited) { // the worker called runtime.Goexit
			s := r.settlementOf(j, err, false)
			r.note(j, s, err)
			r.settler.put(a, s)
		}
		cancel(nil)
		l.end(time.Since(began))
		if following := l.next(); following != nil {
			r.start(l, following)
		}
		r.attempts.Done()
	})
}

// work runs the handler and hands the outcome to the settler.
func (r *runner) work(ctx context.Context, a *attempt, h *handler) {
	j := a.job
	if h == nil {
		err, now := noHandler(j.Name), r.now()
		s := r.settlementOf(j, err, true)
		s.errors = withFailure(j.errors, j.failure(now, err))
		s.later(now.Add(unknownPause))
		r.settler.put(a, s)
		return
	}
	limited, stop := context.WithTimeout(ctx, h.atMost)
	defer stop()
	err := r.cfg.Records.Job(j.Name).Do(limited, func(ctx context.Context) error {
		describeAttempt(telemetry.RecordOf(ctx), j)
		return background.Guard("job "+j.Name, func() error {
			err := h.work(ctx, j)
			if err != nil {
				_ = err.Error() // panics if a nil pointer was returned as an error: here that fails the attempt
			}
			return err
		})
	})
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errLease):
		r.tallyOf(j.Queue).lost.Add(1)
		r.drop(a)
		return
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("the attempt took longer than %v: %w", h.atMost, err)
	case err == nil && len(j.result) > 0 && !jsontext.Value(j.result).IsValid():
		err = Permanent(errors.New("the result is no JSON"))
	case err == nil && len(j.result) > MaxResult:
		err = Permanent(fmt.Errorf("the result has %d bytes, and at most %d are kept", len(j.result), MaxResult))
	}
	s := r.settlementOf(j, err, err != nil && (errors.Is(cause, errStopping) || errors.Is(err, ErrMore)))
	r.note(j, s, err)
	r.settler.put(a, s)
}

// describeAttempt tells the record of an attempt what it is about. The record joins the trace of the write that added the job.
func describeAttempt(r *telemetry.Record, j *Job) {
	if r == nil {
		return
	}
	if parent, ok := telemetry.ParseTraceparent(j.Trace); ok {
		r.Join(parent)
	}
	r.Found(1)
	r.Does("queue " + j.Queue + ", attempt " + strconv.Itoa(j.Attempt))
	r.Queue += max(0, time.Since(j.RunAt)) // the clock of the database may be ahead
}

// unknownPause is when a node asks again for a job that it does not know.
const unknownPause = 5 * time.Second

// note counts and logs the outcome of an attempt.
func (r *runner) note(j *Job, s settlement, err error) {
	r.tallyOf(j.Queue).note(s.state)
	switch s.state {
	case dead:
		r.bury(j, err)
		r.cfg.Logger.Error("a job is dead", "job", j.ID, "name", j.Name, "attempts", j.Attempt, "error", describe(err))
	case scheduled:
		r.cfg.Logger.Warn("a job has failed and is tried again", "job", j.ID, "name", j.Name, "attempt", j.Attempt,
			"again_in", s.runAt.Sub(r.now()).Round(time.Millisecond), "error", describe(err))
	}
}

// drop ends the care for the lease of an attempt.
func (r *runner) drop(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[a.job.ID] == a {
		delete(r.held, a.job.ID)
	}
}

// renewTicks is how many looks at the leases of a node come to one renewal. A worker learns of the end of its lease one look
// later at most.
const renewTicks = 10

// expireAll ends the contexts of workers whose leases are over, until ctx ends. It asks no database, which may be away.
func (r *runner) expireAll(ctx context.Context) error {
	for ctx.Err() == nil {
		r.expire()
		sleep(ctx, r.cfg.renew/renewTicks)
	}
	return ctx.Err()
}

func (r *runner) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for id, a := range r.held {
		if now.After(a.stuck) {
			r.cfg.Logger.Error("a worker ignores the end of its time: another one gets the job", "job", id, "name", a.job.Name)
		} else if a.until.After(now) {
			continue
		}
		a.end(errLease)
		delete(r.held, id)
	}
}

// renewAll renews the leases of the attempts under way until ctx ends.
func (r *runner) renewAll(ctx context.Context) error {
	for {
		if err := r.renewDue(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.cfg.renew / renewTicks):
		}
	}
}

func (r *runner) renewDue(ctx context.Context) error {
	now := r.now()
	until := now.Add(r.cfg.lease)
	var claims []claim
	r.mu.Lock()
	for id, a := range r.held {
		if a.until.Sub(now) <= r.cfg.lease-r.cfg.renew && len(claims) < batch {
			claims = append(claims, claim{id, a.job.Lease})
		}
	}
	r.mu.Unlock()
	if len(claims) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.renew)
	defer cancel()
	renewed, lost, err := r.renew(ctx, claims, until)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range claims {
		a := r.held[c.id]
		switch {
		case a == nil || a.job.Lease != c.lease:
		case renewed[c.id]:
			a.until = until
		case lost[c.id]:
			a.end(errLease)
			delete(r.held, c.id)
		}
	}
	return nil
}

func (a *attempt) end(cause error) {
	if a.cancel != nil {
		a.cancel(cause)
	}
}
