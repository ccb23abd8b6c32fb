package sqlite

import (
	"runtime/pprof"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

func startWriter(path string, cfg Config, first *conn, commits *commits, outage *engine.Outage, others *others, index *logIndex) *writer {
	first.outage = outage
	w := &writer{
		path: path, cfg: cfg, log: cfg.Logger, conn: first, commits: commits, outage: outage, others: others, index: index,
		queue: make(chan *job, cfg.Queue), passed: make(chan *job, 1), stopped: make(chan struct{}),
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

// work runs jobs until the queue is closed.
func (w *writer) work() error {
	for j := w.wait(); j != nil; j = w.wait() {
		w.handle(j)
	}
	return nil
}

// wait returns the next job: one that ended a group, or one from the queue. It returns nil when the queue is closed.
func (w *writer) wait() *job {
	select {
	case j := <-w.passed:
		return j
	default:
	}
	select {
	case j := <-w.passed:
		return j
	case j, open := <-w.queue:
		if open {
			return j
		}
	}
	w.using.Lock() // a caller that still leads may pass a job on
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
		return j.answered(err)
	case <-timer.C:
	}
	select {
	case err := <-j.answer:
		return j.answered(err)
	case <-j.ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, skipped) {
		return j.ctx.Err()
	}
	return j.answered(<-j.answer)
}

// retryAfter is when a client should ask again after the queue was full. The queue holds a good second's work.
const retryAfter = time.Second

// enqueue puts a job in the queue. It never waits.
func (w *writer) enqueue(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.stopping {
		return engine.Closed()
	}
	select {
	case w.queue <- j:
		return nil
	default:
		w.tally.Refuse()
		return &errs.Error{Kind: errs.Unavailable, Message: "too many writes are waiting", RetryAfter: retryAfter}
	}
}

// lead runs a script, and all that come while it runs, on the goroutine of its caller, and answers them. It does so only
// if the writer is idle, and reports whether it did. The way to the writer's goroutine and back takes longer than the
// statements of a small write.
func (w *writer) lead(j *job) bool {
	if !w.claim() {
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

// claim locks the connection if nobody uses it and no job waits for it.
func (w *writer) claim() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return !w.stopping && len(w.queue) == 0 && len(w.passed) == 0 && w.using.TryLock()
}

// stop refuses new jobs and waits for the queued ones: until the deadline, and then for the function under way,
// which has its own.
func (w *writer) stop(deadline time.Time) error {
	if !w.beginStop(deadline) {
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

// beginStop reports whether it was the first to stop the writer.
func (w *writer) beginStop(deadline time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return false
	}
	w.stopping = true
	w.giveUp.Store(&deadline)
	close(w.queue)
	return true
}
