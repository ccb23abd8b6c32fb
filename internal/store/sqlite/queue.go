package sqlite

import (
	"errors"
	"runtime/pprof"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func startWriter(path string, cfg Config, first *conn, commits *commits, outage *engine.Outage, others *others, index *logIndex) *writer {
	first.outage = outage
	w := &writer{
		path: path, cfg: cfg, log: cfg.Logger, conn: first, commits: commits, outage: outage, others: others, index: index,
		jobs: newJobs(cfg), passed: make(chan *job, 1), stopped: make(chan struct{}),
	}
	w.lookNow()
	others.commits.Store(0)
	others.look = w.look
	w.start()
	return w
}

// start starts the writer's goroutine, and starts it again if a job crashed it.
func (w *writer) start() {
	background.Go("the writer", w.work, func(err error) {
		if err == nil {
			close(w.stopped)
			return
		}
		w.using.Lock()
		w.crashed(err)
		w.using.Unlock()
		w.start()
	})
}

// work runs jobs until the line is closed.
func (w *writer) work() error {
	for j := w.wait(); j != nil; j = w.wait() {
		w.handle(j)
	}
	return nil
}

// wait returns the next job: one that ended a group, or one from the line. It returns nil when the line is closed.
func (w *writer) wait() *job {
	for {
		select {
		case j := <-w.passed:
			return j
		default:
		}
		j, retry := w.jobs.next(time.Now())
		if j != nil {
			return j
		}
		if w.jobs.isClosed() {
			return w.lastPassed()
		}
		if j := w.sleep(retry); j != nil {
			return j
		}
	}
}

// sleep waits until a job was passed on, which it returns, until one came to the line, or for a while if it is not 0.
func (w *writer) sleep(while time.Duration) *job {
	var due <-chan time.Time
	if while > 0 {
		timer := w.timers.Start(while)
		defer w.timers.Stop(timer)
		due = timer.C
	}
	select {
	case j := <-w.passed:
		return j
	case <-w.jobs.wake:
	case <-due:
	}
	return nil
}

// lastPassed returns the job that a caller which still leads passes on, or nil.
func (w *writer) lastPassed() *job {
	w.using.Lock()
	defer w.using.Unlock()
	select {
	case j := <-w.passed:
		return j
	default:
		return nil
	}
}

// handle runs a job on the writer's goroutine.
func (w *writer) handle(first *job) {
	if !w.admit(first) {
		return
	}
	w.using.Lock()
	defer w.using.Unlock()
	w.run(first)
}

// crashed answers the group after a defect of the writer itself.
func (w *writer) crashed(err error) {
	w.log.Error("the writer panicked and starts again", "error", err)
	w.reopen()
	w.answer(engine.UnknownOutcome(err))
}

// submit hands a job to the writer and returns its answer. If the context of the caller ends first, the job is skipped. A
// job that has begun is not cut short.
func (w *writer) submit(j *job) error {
	j.answer = make(chan error, 1)
	if j.script != nil && w.lead(j) {
		return j.answered(<-j.answer)
	}
	j.since = time.Now()
	if err := w.enqueue(j); err != nil {
		return err
	}
	timer := w.timers.Start(engine.ShortWait)
	defer w.timers.Stop(timer)
	select {
	case err := <-j.answer:
		w.noteRefusal(j, err)
		return j.answered(err)
	case <-timer.C:
	}
	select {
	case err := <-j.answer:
		w.noteRefusal(j, err)
		return j.answered(err)
	case <-j.ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, skipped) {
		w.jobs.remove(j)
		return j.ctx.Err()
	}
	return j.answered(<-j.answer)
}

// enqueue puts a job in the line. It never waits.
func (w *writer) enqueue(j *job) error {
	err := w.jobs.add(j)
	w.noteRefusal(j, err)
	return err
}

// noteRefusal notes that the line had no room for a job, if err says so.
func (w *writer) noteRefusal(j *job, err error) {
	if errors.Is(err, admit.ErrHopeless) {
		w.tally.Refuse()
		telemetry.RecordOf(j.ctx).Refuse("writes")
	}
}

// lead runs a script, and all that come while it runs, on the goroutine of its caller, and answers them. It does so only
// if the writer is idle, and reports whether it did. The way to the writer's goroutine and back takes longer than the
// statements of a small write.
func (w *writer) lead(j *job) bool {
	if !w.claim(j) {
		return false
	}
	ended := false
	defer func() {
		if !ended { // a row ended the goroutine, as t.FailNow does
			w.crashed(background.ErrExited)
		}
		w.leads = false
		w.using.Unlock()
		pprof.SetGoroutineLabels(j.ctx) // the group may have had jobs of others
	}()
	w.leads = true
	err := background.Guard("the writer", func() error {
		if w.admit(j) {
			w.run(j)
		}
		return nil
	})
	if err != nil {
		w.crashed(err)
	}
	ended = true
	return true
}

// claim locks the connection for a script if nobody uses it, no job waits for it, and the script need not wait.
func (w *writer) claim(j *job) bool {
	return len(w.passed) == 0 && w.jobs.overtake(j, &w.using)
}

// stop refuses new jobs and waits for the queued ones: until the deadline, and then for the function under way,
// which has its own.
func (w *writer) stop(deadline time.Time) error {
	w.giveUp.CompareAndSwap(nil, &deadline)
	if !w.jobs.close() {
		return engine.Closed()
	}
	timer := time.NewTimer(time.Until(deadline) + w.cfg.WriteTimeout)
	defer timer.Stop()
	select {
	case <-w.stopped:
		return nil
	case <-timer.C:
		return errs.New(errs.Unavailable, "a write was still running when the database was closed")
	}
}
