package sqlite

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// job is a function or a script on its way through the writer.
type job struct {
	ctx    context.Context // of the caller, who waits for the answer
	run    func(store.Tx) error
	script *store.Script // in place of run
	sweeps bool          // run has a transaction to itself, on the connection for sweeps
	answer chan error    // of one element, so that the writer never waits for the caller
	state  atomic.Int32
	since  time.Time // when it was queued; zero if its caller leads
	origin admit.Origin
	entry  *admit.Entry[caller.Client, *job] // in the line of jobs
	took   time.Duration                     // of its statements

	notes engine.Notes // for the record of the caller

	err   error // result of run or script, which the caller gets after the commit
	final bool  // the job must not run again, whatever becomes of the transaction
}

// The states of a job.
const (
	waiting int32 = iota
	started
	skipped // its context ended first
)

// start reports whether the writer may run the job. If the caller's context has ended, start answers the job instead.
func (j *job) start() bool {
	if err := j.ctx.Err(); err != nil {
		j.refuse(err)
		return false
	}
	return j.state.CompareAndSwap(waiting, started)
}

// refuse answers a job that has not begun. The caller may have skipped the job already.
func (j *job) refuse(err error) {
	if j.state.CompareAndSwap(waiting, skipped) {
		j.answer <- err
	}
}

// newJob returns a job for a caller. The caller still has to say what it runs.
func newJob(ctx context.Context) *job {
	j := &job{ctx: ctx}
	j.origin, _ = admit.OriginOf(ctx)
	j.notes.For(ctx)
	return j
}

// answered returns the answer of a job after it has told the record of its caller.
func (j *job) answered(err error) error {
	j.notes.Report(j.since, err == nil)
	return err
}
