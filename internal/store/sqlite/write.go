package sqlite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Write hands f to the writer and waits for the commit.
func (db *DB) Write(ctx context.Context, f func(store.Tx) error) error {
	return db.write(ctx, f, false)
}

// Sweeps implements store.DB: SQLite refuses to follow a chain of more than 1,000 references.
func (*DB) Sweeps() bool { return true }

// Sweep implements store.DB.
func (db *DB) Sweep(ctx context.Context, f func(store.Tx) error) error {
	return db.write(ctx, f, true)
}

func (db *DB) write(ctx context.Context, f func(store.Tx) error, sweeps bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.writer.submit(&job{ctx: ctx, run: f, sweeps: sweeps})
}

// Script implements store.DB. The script is made on the caller's goroutine, from a revision that is reserved already, so
// that the writer only binds values and runs statements. In a process that has just started there is none: the function
// then reserves some.
func (db *DB) Script(ctx context.Context, write func(revision int64) (*store.Script, error)) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	revision, ok := db.writer.spare.Take()
	if !ok {
		return false, nil
	}
	s, err := write(revision)
	if s == nil || err != nil {
		db.writer.spare.PutBack(revision)
		return false, err
	}
	if err := db.writer.submit(&job{ctx: ctx, script: s}); err != errRefused {
		return err == nil, err
	}
	return false, nil
}

// job is a function or a script on its way through the writer.
type job struct {
	ctx    context.Context // of the caller, who waits for the answer
	run    func(store.Tx) error
	script *store.Script // in place of run
	sweeps bool          // run has a transaction to itself, on the connection for sweeps
	answer chan error    // of one element, so that the writer never waits for the caller
	state  atomic.Int32

	err   error // result of run, which is answered after the commit
	final bool  // run must not be repeated, whatever becomes of the transaction
}

// The states of a job.
const (
	waiting int32 = iota
	started
	skipped // its context ended first
)

// start says whether the job is to be run, and answers it where it is not.
func (j *job) start() bool {
	if err := j.ctx.Err(); err != nil {
		if j.state.CompareAndSwap(waiting, skipped) {
			j.answer <- err
		}
		return false
	}
	return j.state.CompareAndSwap(waiting, started)
}

// submit hands a job to the writer and returns its answer. If the context of the caller ends first, the job is skipped. A
// job that has begun is not cut short.
func (w *writer) submit(j *job) error {
	j.answer = make(chan error, 1)
	if j.script != nil && w.lead(j) {
		return <-j.answer
	}
	if err := w.enqueue(j); err != nil {
		return err
	}
	timer := w.timers.Start(engine.ShortWait)
	defer w.timers.Stop(timer)
	select {
	case err := <-j.answer:
		return err
	case <-timer.C:
	}
	select {
	case err := <-j.answer:
		return err
	case <-j.ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, skipped) {
		return j.ctx.Err()
	}
	return <-j.answer
}

// retryAfter is when to ask again after the queue was full: it holds a good second's work.
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
		return &errs.Error{Kind: errs.Unavailable, Message: "too many writes are waiting", RetryAfter: retryAfter}
	}
}
