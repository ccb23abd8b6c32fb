package sqlite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
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
	j := &job{ctx: ctx, run: f, sweeps: sweeps, answer: make(chan error, 1)}
	if err := db.writer.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.answer:
		return err
	case <-ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, skipped) {
		return ctx.Err()
	}
	return <-j.answer // f has begun, and nothing of the caller's cuts it short
}

// job is a function on its way through the writer.
type job struct {
	ctx    context.Context // of the caller, who waits for the answer
	run    func(store.Tx) error
	sweeps bool       // it runs alone, on the connection for sweeps
	answer chan error // of one element, so that the writer never waits for the caller
	state  atomic.Int32

	err   error // what run came to, to be answered after the commit
	final bool  // run is not to be repeated, whatever becomes of the transaction
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

// retryAfter is when to ask again after the queue was full: it holds a good second's work.
const retryAfter = time.Second

// enqueue puts a job in the queue. It never waits.
func (w *writer) enqueue(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.stopping {
		return closed()
	}
	select {
	case w.queue <- j:
		return nil
	default:
		return &errs.Error{Kind: errs.Unavailable, Message: "too many writes are waiting", RetryAfter: retryAfter}
	}
}

// Script implements store.DB. The engine runs every write as a function.
func (*DB) Script(context.Context, func(revision int64) (*store.Script, error)) (done bool, err error) {
	return false, nil
}
