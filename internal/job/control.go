package job

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// MostAtOnce is how many jobs one call of Cancel, Retry or Delete changes.
const MostAtOnce = 1000

const (
	// The values of the list of ids come first, so that SQLite counts the parameters as PostgreSQL does.
	postgresIDs = `id = ANY($1::text[]::uuid[])`
	sqliteIDs   = `id IN (SELECT value FROM json_each($1))`

	cancelJobs = `UPDATE ashlar_jobs SET state = 'cancelled', lane = '', lease = NULL, once = NULL, turn_at = $2, finished_at = $3, updated_at = $3 WHERE state IN ('scheduled', 'waiting', 'running') AND `
	retryJobs  = `UPDATE ashlar_jobs SET state = 'waiting', lane = key, attempt = 0, lease = NULL, turn_at = NULL, finished_at = NULL, run_at = $2, updated_at = $2
WHERE state IN ('scheduled', 'dead', 'cancelled', 'done') AND `
	deleteJobs = `DELETE FROM ashlar_jobs WHERE state <> 'running' AND `
)

// Cancel ends jobs that have not ended. The context of a worker that has one ends with the next renewal of its lease.
func (q *Queue) Cancel(ctx context.Context, ids []string) (changed int64, err error) {
	now := q.now()
	return q.change(ctx, cancelJobs, ids, stamp(now.Add(q.cfg.Keep.Done)), stamp(now))
}

// Retry makes jobs wait that have ended or are scheduled. They have all their tries again.
func (q *Queue) Retry(ctx context.Context, ids []string) (changed int64, err error) {
	changed, err = q.change(ctx, retryJobs, ids, stamp(q.now()))
	q.arrivals.wakeAll()
	return changed, err
}

// Delete deletes jobs that are not running.
func (q *Queue) Delete(ctx context.Context, ids []string) (changed int64, err error) {
	return q.change(ctx, deleteJobs, ids)
}

// change runs a statement on jobs by their ids.
func (q *Queue) change(ctx context.Context, sql string, ids []string, args ...value.Value) (changed int64, err error) {
	if len(ids) > MostAtOnce {
		return 0, errs.New(errs.Invalid, "%d jobs are too many for one call: send at most %d", len(ids), MostAtOnce)
	}
	where := numberedFor(q.db.Dialect(), sqliteIDs)
	if q.db.Dialect() == sqlgen.Postgres {
		where = postgresIDs
	}
	sql = numberedFor(q.db.Dialect(), sql) + where
	err = q.write(ctx, func(tx store.Tx) (err error) {
		changed, err = tx.Exec(sql, append([]value.Value{value.OfList(ids)}, args...))
		return err
	})
	return changed, err
}

const (
	changeQueue = `UPDATE ashlar_queues SET paused = $1, workers = $2, changed_by = $3, updated_at = $4 WHERE id = $5`
)

// Settings are what people changed about a queue, for all nodes.
type Settings struct {
	Paused  bool
	Workers int // of each node; 0: as the model says
}

// Set changes the settings of a queue. The nodes follow within two seconds.
func (q *Queue) Set(ctx context.Context, queue string, s Settings, by string) error {
	if q.queues[queue] == nil {
		return errs.New(errs.NotFound, "there is no queue %s", queue)
	}
	if s.Workers < 0 {
		return errs.New(errs.Invalid, "the workers of a queue are a positive number, or 0 for the number in the model")
	}
	workers := value.Value{}
	if s.Workers > 0 {
		workers = value.OfInt(int64(s.Workers))
	}
	return q.write(ctx, func(tx store.Tx) error {
		if _, err := q.lockQueue(tx, queue); err != nil { // adds the row
			return err
		}
		_, err := tx.Exec(changeQueue, []value.Value{value.OfBool(s.Paused), workers, optional(by), stamp(q.now()), value.OfText(queue)})
		return err
	})
}

// Settings returns the settings of the queues that have some.
func (q *Queue) Settings(ctx context.Context) (all map[string]Settings, err error) {
	err = q.read(ctx, func(r store.Reader) error {
		all = map[string]Settings{}
		return r.Query(selectQueues, nil, func(row value.Row) error {
			s := Settings{Paused: row.Int(1) != 0}
			if !row.Null(2) {
				s.Workers = int(row.Int(2))
			}
			all[string(row.Bytes(0))] = s
			return nil
		})
	})
	return all, err
}

// refresh makes the loops follow the settings of their queues.
func (r *runner) refresh(ctx context.Context) error {
	all, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	for _, l := range r.loops {
		s := all[l.queue.Name]
		l.adjust(s.Workers, s.Paused)
	}
	return nil
}

// tally counts what this process did.
type tally struct{ started, done, dead, repeated, givenBack, lost, rescued atomic.Int64 }

// Stats count the attempts of this process.
type Stats struct {
	Started   int64
	Done      int64
	Dead      int64 // failed for good
	Repeated  int64 // failed, and tried again later
	GivenBack int64 // because the node stopped
	Lost      int64 // leases that were over before the attempt was settled
	Rescued   int64 // jobs taken from workers that were gone
}

// Stats returns the counts.
func (q *Queue) Stats() Stats {
	t := &q.tally
	return Stats{t.started.Load(), t.done.Load(), t.dead.Load(), t.repeated.Load(), t.givenBack.Load(), t.lost.Load(), t.rescued.Load()}
}

// A Depth says how many jobs of a queue have a state, and since when the first of them has been due.
type Depth struct {
	Queue, State string
	Jobs         int64
	Since        time.Time
}

// countUnfinished counts jobs that have not ended. Finished ones may be millions.
const countUnfinished = `SELECT queue, state, count(*), min(run_at) FROM ashlar_jobs WHERE state IN ('scheduled', 'waiting', 'running') GROUP BY queue, state ORDER BY queue, state`

// Depths returns how many jobs wait, run and are scheduled in each queue.
func (q *Queue) Depths(ctx context.Context) (all []Depth, err error) {
	err = q.read(ctx, func(r store.Reader) error {
		all = nil
		return r.Query(countUnfinished, nil, func(row value.Row) error {
			all = append(all, Depth{string(row.Bytes(0)), string(row.Bytes(1)), row.Int(2), time.UnixMicro(row.Int(3))})
			return nil
		})
	})
	return all, err
}

const selectLeased = `SELECT id, queue, name, key, attempt, tries, rank, run_at, row_table, row_id, args, errors, enqueued_by, trace, created_at, turn_at, updated_at
FROM ashlar_jobs WHERE state = 'running' AND lease = $1 AND id = `

// Leased returns the job of a lease, for a worker that knows only both texts.
func (q *Queue) Leased(ctx context.Context, id, lease string) (j *Job, err error) {
	if !isUUID(id) {
		return nil, NoJob(id)
	}
	sql := selectLeased + `$2`
	if q.db.Dialect() == sqlgen.Postgres {
		sql += `::uuid`
	}
	err = q.read(ctx, func(r store.Reader) error {
		j = nil
		return r.Query(sql, []value.Value{value.OfText(lease), value.OfUUID(id)}, func(row value.Row) error {
			j = jobOf(row)
			j.Lease, j.Until, j.Begun = lease, time.UnixMicro(row.Int(15)), time.UnixMicro(row.Int(16))
			return nil
		})
	})
	if err == nil && j == nil {
		err = staleLease(id)
	}
	return j, err
}
