package job

import (
	"context"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Action is what people do to jobs.
type Action string

const (
	CancelJobs Action = "cancel"
	RetryJobs  Action = "retry"
	DeleteJobs Action = "delete"
)

// States returns the states in which a job can be subject to an action.
func (a Action) States() []string {
	switch a {
	case CancelJobs:
		return UnfinishedStates()
	case RetryJobs:
		return []string{scheduled, done, dead, cancelled}
	case DeleteJobs:
		return []string{scheduled, waiting, done, dead, cancelled}
	}
	return nil
}

// MostAtOnce is how many jobs one Change has.
const MostAtOnce = 1000

// A Change is what people do to some jobs, or to all jobs of a filter.
type Change struct {
	Do     Action
	IDs    []string  // jobs, at most MostAtOnce; nil: all of Filter
	Filter Filter    // with IDs, only its state counts
	Seen   time.Time // jobs that have changed since stay as they are; zero: they do not

	// Also runs in the transaction of each batch, after it changed some jobs. nil: nothing does.
	Also func(tx store.Tx, changed int64) error
}

// Change changes jobs, and returns how many.
func (q *Queue) Change(ctx context.Context, c Change) (changed int64, err error) {
	if len(c.IDs) > MostAtOnce {
		return 0, errs.New(errs.Invalid, "%d jobs are too many for one call: send at most %d", len(c.IDs), MostAtOnce)
	}
	if c.Do.States() == nil {
		return 0, errs.New(errs.Malformed, "jobs are canceled, retried or deleted")
	}
	b := &binder{dialect: q.db.Dialect()}
	sql := q.changeSQL(b, &c)
	err = q.write(ctx, func(tx store.Tx) (err error) {
		changed, err = tx.Exec(sql, b.args)
		if err != nil || changed == 0 || c.Also == nil {
			return err
		}
		return c.Also(tx, changed)
	})
	if c.Do == RetryJobs {
		q.arrivals.wakeAll()
	}
	return changed, err
}

func (q *Queue) changeSQL(b *binder, c *Change) string {
	now := q.now()
	var sql strings.Builder
	switch c.Do {
	case CancelJobs:
		at := b.arg(stamp(now))
		sql.WriteString("UPDATE ashlar_jobs SET state = 'cancelled', lane = '', lease = NULL, once = NULL, turn_at = " + b.arg(stamp(now.Add(q.cfg.Keep.Done))) +
			", finished_at = " + at + ", updated_at = " + at)
	case RetryJobs:
		at := b.arg(stamp(now))
		sql.WriteString("UPDATE ashlar_jobs SET state = 'waiting', lane = key, attempt = 0, lease = NULL, turn_at = NULL, finished_at = NULL, run_at = " + at + ", updated_at = " + at)
	case DeleteJobs:
		sql.WriteString("DELETE FROM ashlar_jobs")
	}
	sql.WriteString(" WHERE " + b.ids(c.IDs) + " AND state IN ('" + strings.Join(c.Do.States(), "', '") + "')")
	if c.Filter.State != "" {
		sql.WriteString(" AND state = " + b.arg(value.OfText(c.Filter.State)))
	}
	if !c.Seen.IsZero() {
		sql.WriteString(" AND updated_at <= " + b.arg(stamp(c.Seen)))
	}
	return sql.String()
}

// The bounds of a change of all jobs of a filter.
const (
	changeTime   = 8 * time.Second
	changedBatch = 500
)

// ChangeAll changes all jobs of a filter that have not changed since Seen, in batches. more says that its time was over before
// the jobs were: the same call goes on. The filter names a state, so that a change does not hit jobs of a kind that nobody
// thought of.
func (q *Queue) ChangeAll(ctx context.Context, c Change) (changed int64, more bool, err error) {
	defer errs.Wrap(&err, "job.ChangeAll(%s)", c.Do)
	if c.Filter.State == "" || c.Seen.IsZero() {
		return 0, false, errs.New(errs.Malformed, "choose a state first: only jobs of one state are changed together")
	}
	if err := c.Filter.check(); err != nil {
		return 0, false, err
	}
	c.Filter.Until = c.Seen
	s := &search{queue: q, filter: c.Filter, until: time.Now().Add(changeTime)}
	for !s.ended {
		if time.Now().After(s.until) {
			return changed, true, nil
		}
		found, err := s.next(ctx, changedBatch)
		if err != nil {
			return changed, false, err
		}
		batch := c
		for i := range found {
			batch.IDs = append(batch.IDs, found[i].ID)
		}
		if len(batch.IDs) == 0 {
			continue
		}
		n, err := q.Change(ctx, batch)
		changed += n
		if err != nil {
			return changed, false, err
		}
	}
	return changed, false, nil
}

// MostShown is where Count stops.
const MostShown = 100_000

// Count counts the jobs of a filter. exact is false if there are more than MostShown, or if the time was over before.
func (q *Queue) Count(ctx context.Context, f Filter) (n int64, exact bool, err error) {
	defer errs.Wrap(&err, "job.Count")
	if err := f.check(); err != nil {
		return 0, false, err
	}
	s := &search{queue: q, filter: f, until: time.Now().Add(q.cfg.find)}
	n, err = s.count(ctx, MostShown)
	return n, s.ended && n < MostShown, err
}
