package sqlite

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// run runs a job, and all that come while it runs, as one transaction. If the transaction is lost, run runs each job again
// in one of its own.
func (w *writer) run(first *job) {
	if first.sweeps {
		w.sweep(first)
		return
	}
	if err := w.begin(); err != nil {
		w.refuse(first, err)
		return
	}
	if w.fill(first) && len(w.group) > 0 && w.finish() == nil {
		w.commit()
		return
	}
	w.tally.Ended(false)
	w.rollback()
	w.runAlone()
}

// refuse answers the job, and all that wait behind it, if no transaction can begin: another process has held the lock for
// the whole busy timeout, or the disk fails. If each tried for itself, the last would wait for hours.
func (w *writer) refuse(first *job, err error) {
	if lite.ErrCode(err).ToPrimary() == lite.ResultBusy {
		w.tally.busy.Add(1)
	} else if w.conn != nil {
		w.reopen()
	}
	first.answer <- err
	for _, j := range w.jobs.takeAll() {
		if j.start() {
			j.answer <- err
		}
	}
}

// fill runs the jobs of one transaction and reports whether it is whole.
func (w *writer) fill(first *job) bool {
	closing := time.Now().Add(w.cfg.GroupTime)
	for job := first; job != nil; {
		w.group = append(w.group, job)
		if !w.runInGroup(job) {
			return false
		}
		if job.err == errRefused { // answered at once, so that its function can still join the group
			w.group = w.group[:len(w.group)-1]
			job.answer <- errRefused
		}
		if job = w.next(closing); job == nil {
			if w.runBatches() != nil {
				return false
			}
			job = w.next(closing) // scripts came in the meantime
		}
	}
	return true
}

// next returns a job that waits, or nil if none waits or the group is complete. A group of several yields the processor once, so
// that handlers that are ready to run can still join. With 32 clients that saves one sync in six.
func (w *writer) next(closing time.Time) *job {
	yielded := false
	for len(w.group) < w.cfg.GroupSize && len(w.passed) == 0 {
		now := time.Now()
		if !now.Before(closing) {
			return nil
		}
		job, _ := w.jobs.next(now)
		switch {
		case job == nil && (yielded || len(w.group) < 2):
			return nil
		case job == nil:
			yielded = true
			runtime.Gosched()
		case job.sweeps || (w.leads && job.script == nil) || w.jobs.isCostly(job, now) || w.jobs.delays(job, w.group):
			w.passed <- job
			return nil
		case w.admit(job):
			return job
		}
	}
	return nil
}

// admit reports whether the writer may run a job. Otherwise it answers the job.
func (w *writer) admit(j *job) bool {
	if deadline := w.giveUp.Load(); deadline != nil && time.Now().After(*deadline) {
		j.refuse(engine.Closed())
		return false
	}
	if !j.start() {
		return false
	}
	var waited time.Duration
	if !j.since.IsZero() {
		waited = time.Since(j.since)
	}
	w.tally.Began(waited)
	return true
}

// carefulJobs is how many jobs run in savepoints after a group had to run again. If one job in a thousand fails late, running
// groups again costs the writer 6 % at most.
const carefulJobs = 1000

// runInGroup runs one job of a group, undoes only that job if it fails, and reports whether there is still a transaction.
//
// In a savepoint SQLite copies each page before it changes, and a job that fails has seldom changed anything: a constraint or a
// rule refused its first statement, which SQLite undoes itself. So jobs run without savepoints. If one fails late, the group runs
// again with them.
func (w *writer) runInGroup(j *job) bool {
	if j.script == nil && w.runBatches() != nil { // the function may look at the rows
		return false
	}
	first := len(w.group) == 1
	if w.careful > 0 && !first {
		w.careful--
		return w.runInSavepoint(j)
	}
	touched := w.call(j)
	switch {
	case w.lost():
		return false
	case j.err == nil:
		w.keep(j, touched)
		return true
	case !w.conn.wrote:
		return true
	case first: // the transaction holds nothing else
		w.rollback()
		return w.begin() == nil
	}
	return w.runAgain()
}

// runAgain undoes the transaction, whose last job failed after it had changed something, and runs its jobs in savepoints.
func (w *writer) runAgain() bool {
	w.careful = carefulJobs
	w.rollback()
	if w.begin() != nil {
		return false
	}
	for _, j := range w.group {
		if j.final { // it took too long, and has left nothing
			continue
		}
		j.err = nil
		if j.script == nil && w.runBatches() != nil {
			return false
		}
		if !w.runInSavepoint(j) {
			return false
		}
	}
	return true
}

// keep keeps what a job that succeeded leaves for the end of the transaction.
func (w *writer) keep(j *job, touched []string) {
	w.touch(touched)
	if j.script != nil {
		w.batches.Add(j.script, &j.notes)
	}
}

func (w *writer) runInSavepoint(j *job) bool {
	if err := w.conn.control("SAVEPOINT f"); err != nil {
		return false
	}
	before := w.reserved
	touched := w.call(j)
	if w.lost() {
		return false
	}
	if j.err != nil {
		w.reserved = before // the reservation of a failed function is undone with it
		return w.conn.control("ROLLBACK TO f") == nil && w.conn.control("RELEASE f") == nil
	}
	w.keep(j, touched)
	return w.conn.control("RELEASE f") == nil
}

// call runs the function or the script of a job under its deadline. It returns the tables that the job touched.
func (w *writer) call(j *job) (touched []string) {
	pprof.SetGoroutineLabels(j.ctx) // so profiles charge the work to the caller
	now := time.Now()
	w.conn.watch.Begin(context.Background(), now.Add(w.cfg.WriteTimeout))
	w.conn.notes, w.conn.wrote = j.notes.Begin(now), false
	if j.script != nil {
		j.err, touched = w.conn.runScript(j.script), j.script.Tables
	} else {
		t := &tx{w: w}
		j.err = background.Guard("a transaction", func() error { return j.run(t) })
		t.over = true
		j.err = cmp.Or(j.err, t.refused)
		touched = t.touched
	}
	w.conn.notes = nil
	j.took += time.Since(now)
	j.notes.End()
	if cause := w.conn.watch.End(); cause != nil && (j.err != nil || w.lost()) {
		j.err, j.final = errs.Wrapf(j.err, errs.Unavailable, "the write took too long"), true
	}
	return touched
}

// finish runs the statements that the jobs of a transaction leave to the writer. If it fails, the caller rolls back.
func (w *writer) finish() error {
	if err := w.runBatches(); err != nil {
		return err
	}
	if slices.ContainsFunc(w.group, func(j *job) bool { return j.script != nil }) && w.spare.StartRefill(fewRevisions) {
		defer w.spare.EndRefill()
		if err := w.reserve(); err != nil {
			return err
		}
	}
	return w.moveGenerations()
}

// runAlone runs each job of a lost transaction again, in one of its own. A job that took too long is not repeated: it would
// take as long again, while everybody waits.
func (w *writer) runAlone() {
	jobs := slices.Clone(w.group)
	w.group = w.group[:0]
	for _, job := range jobs {
		w.group = append(w.group, job)
		if !job.final {
			job.err = nil
			w.runInTransaction(job)
			continue
		}
		w.answer(nil)
	}
}

// runInTransaction runs the one job of the group, and answers it.
func (w *writer) runInTransaction(j *job) {
	if err := w.begin(); err != nil {
		w.answer(err)
		return
	}
	touched := w.call(j)
	if j.err == nil && w.lost() {
		j.err = engine.Internal(errors.New("the transaction ended inside its function, which did not say why"))
	}
	if j.err == nil {
		w.keep(j, touched)
		j.err = w.finish()
	}
	if j.err == nil {
		w.commit()
		return
	}
	w.tally.Ended(false)
	w.rollback()
	w.answer(nil)
}
