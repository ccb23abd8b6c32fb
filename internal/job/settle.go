package job

import (
	"context"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// MaxResult is how many bytes the result of a job may have.
const MaxResult = 64 << 10

// A settlement ends an attempt. It changes the row only if the row still has the lease and the attempt.
type settlement struct {
	id, lease string
	was       int  // the attempt
	free      bool // see Job

	state    string
	attempt  int
	runAt    time.Time // zero: as it was
	turnAt   time.Time // zero: none
	finished time.Time // zero: not finished
	errors   string    // JSON; "": as they were
	result   string    // JSON or ""
}

// settlementOf returns how an attempt ended. giveBack says that the worker stops: the attempt does not count.
func (q *Queue) settlementOf(j *Job, err error, giveBack bool) settlement {
	now := q.now()
	s := settlement{id: j.ID, lease: j.Lease, was: j.Attempt, free: j.free, attempt: j.Attempt}
	switch {
	case err == nil:
		q.finish(&s, done, now)
		s.result = string(j.result)
		return s
	case giveBack:
		s.state, s.attempt = waiting, j.Attempt-1
		return s
	}
	s.errors = withFailure(j.errors, j.failure(now, err))
	if isPermanent(err) || j.Attempt >= j.Tries {
		q.finish(&s, dead, now)
		return s
	}
	s.later(now.Add(pauseFor(err, j.Attempt)))
	return s
}

func (j *Job) failure(now time.Time, err error) Failure {
	return Failure{At: now.UTC().Truncate(time.Millisecond), Attempt: j.Attempt, Error: describe(err)}
}

// later makes the job wait for a time.
func (s *settlement) later(at time.Time) { s.state, s.runAt, s.turnAt = scheduled, at, at }

// finish ends the job.
func (q *Queue) finish(s *settlement, state string, now time.Time) {
	keep := q.cfg.Keep.Done
	if state == dead {
		keep = q.cfg.Keep.Dead
	}
	s.state, s.finished, s.turnAt = state, now, now.Add(keep)
}

// settle ends attempts, and returns the ids of the jobs that it changed. For all others the lease was over.
func (q *Queue) settle(ctx context.Context, all []settlement) (settled map[string]bool, err error) {
	err = q.write(ctx, func(tx store.Tx) (err error) {
		settled, err = q.settleIn(tx, all)
		return err
	})
	return settled, err
}

func (q *Queue) settleIn(tx store.Tx, all []settlement) (settled map[string]bool, err error) {
	settled, now := make(map[string]bool, len(all)), q.now()
	if tx.Dialect() == sqlgen.Postgres {
		return settled, tx.Query(q.sql.settle, columnsOf(all, now), func(row value.Row) error {
			settled[string(row.Bytes(0))] = true
			return nil
		})
	}
	for i := range all {
		sql := q.sql.settle
		if all[i].free {
			sql = sqliteSettleFree
		}
		changed, err := tx.Exec(sql, all[i].values(now))
		if err != nil {
			return nil, err
		}
		if changed > 0 {
			settled[all[i].id] = true
		}
	}
	return settled, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// values returns the parameters of one row.
func (s *settlement) values(now time.Time) []value.Value {
	return []value.Value{
		value.OfUUID(s.id), value.OfText(s.lease), value.OfInt(int64(s.was)), value.OfText(s.state), value.OfInt(int64(s.attempt)),
		value.OfInt(micros(s.runAt)), value.OfInt(micros(s.turnAt)), value.OfInt(micros(s.finished)),
		value.OfText(s.errors), value.OfText(s.result), stamp(now),
	}
}

// columnsOf returns the same parameters for many rows, as a list for each.
func columnsOf(all []settlement, now time.Time) []value.Value {
	var columns [10][]string
	for i := range all {
		s := &all[i]
		number := func(n int64) string { return strconv.FormatInt(n, 10) }
		for c, text := range [...]string{
			s.id, s.lease, number(int64(s.was)), s.state, number(int64(s.attempt)),
			number(micros(s.runAt)), number(micros(s.turnAt)), number(micros(s.finished)), s.errors, s.result,
		} {
			columns[c] = append(columns[c], text)
		}
	}
	args := make([]value.Value, 0, len(columns)+1)
	for _, column := range columns {
		args = append(args, value.OfList(column))
	}
	return append(args, stamp(now))
}

// staleLease is the error of a worker whose lease is over.
func staleLease(id string) error {
	return errs.New(errs.Conflict, "the lease of job %s is over: another worker has the job, or it has ended", id)
}

// settleOne ends one attempt, for a worker outside of this process.
func (q *Queue) settleOne(ctx context.Context, j *Job, s settlement, cause error) error {
	settled, err := q.settle(ctx, []settlement{s})
	if err != nil {
		return err
	}
	if !settled[s.id] {
		return staleLease(s.id)
	}
	q.tallyOf(j.Queue).note(s.state)
	if s.state == dead {
		q.bury(j, cause)
	}
	return nil
}
