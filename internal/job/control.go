package job

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Cancel ends jobs that have not ended. The context of a worker that has one ends with the next renewal of its lease.
func (q *Queue) Cancel(ctx context.Context, ids []string) (changed int64, err error) {
	return q.Change(ctx, Change{Do: CancelJobs, IDs: ids})
}

// Retry makes jobs wait that have ended or are scheduled. They have all their tries again.
func (q *Queue) Retry(ctx context.Context, ids []string) (changed int64, err error) {
	return q.Change(ctx, Change{Do: RetryJobs, IDs: ids})
}

// Delete deletes jobs that are not running.
func (q *Queue) Delete(ctx context.Context, ids []string) (changed int64, err error) {
	return q.Change(ctx, Change{Do: DeleteJobs, IDs: ids})
}

const (
	changeQueue = `UPDATE ashlar_queues SET paused = $1, workers = $2, changed_by = $3, updated_at = $4 WHERE id = $5`
)

// Settings are what people changed about a queue, for all nodes.
type Settings struct {
	Paused  bool
	Workers int       // of each node; 0: as the model says
	By      string    // who changed them last; Set ignores it
	At      time.Time // when; Set ignores it
}

// Set changes the settings of a queue. The nodes follow within two seconds.
func (q *Queue) Set(ctx context.Context, queue string, s Settings, by string) error {
	return q.Adjust(ctx, queue, by, func(old *Settings) { old.Paused, old.Workers = s.Paused, s.Workers }, nil)
}

// MostWorkers is how many workers of each node a queue may have.
const MostWorkers = 1000

// Adjust changes the settings of a queue from what they are. also runs in the same transaction; nil: nothing does.
func (q *Queue) Adjust(ctx context.Context, queue, by string, change func(s *Settings), also func(tx store.Tx) error) error {
	if q.queues[queue] == nil {
		return errs.New(errs.NotFound, "there is no queue %s", queue)
	}
	return q.write(ctx, func(tx store.Tx) error {
		if _, err := q.lockQueue(tx, queue); err != nil { // adds the row
			return err
		}
		all, err := settingsIn(tx)
		if err != nil {
			return err
		}
		s := all[queue]
		change(&s)
		if s.Workers < 0 || s.Workers > MostWorkers {
			return errs.New(errs.Invalid, "the workers of a queue are a number from 1 to %d, or 0 for the number in the model", MostWorkers)
		}
		workers := value.Value{}
		if s.Workers > 0 {
			workers = value.OfInt(int64(s.Workers))
		}
		if _, err := tx.Exec(changeQueue, []value.Value{value.OfBool(s.Paused), workers, optional(by), stamp(q.now()), value.OfText(queue)}); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
}

// Settings returns the settings of the queues that have some.
func (q *Queue) Settings(ctx context.Context) (all map[string]Settings, err error) {
	err = q.read(ctx, func(r store.Reader) error {
		all, err = settingsIn(r)
		return err
	})
	return all, err
}

func settingsIn(r store.Reader) (map[string]Settings, error) {
	all := map[string]Settings{}
	err := r.Query(selectQueues, nil, func(row value.Row) error {
		s := Settings{Paused: row.Int(1) != 0, By: textOf(row, 3)}
		if !row.Null(2) {
			s.Workers = int(row.Int(2))
		}
		if s.By != "" {
			s.At = timeOf(row, 4)
		}
		all[textOf(row, 0)] = s
		return nil
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

const selectLeased = `SELECT id, queue, name, key, attempt, tries, rank, run_at, row_table, row_id, args, errors, enqueued_by, trace, created_at, once IS NULL, turn_at, updated_at
FROM ashlar_jobs WHERE state = 'running' AND lease = $1 AND id = `

// Leased returns the job of a lease, for a worker that knows only both texts.
func (q *Queue) Leased(ctx context.Context, id, lease string) (j *Job, err error) {
	key, ok := value.ParseUUID(id)
	if !ok {
		return nil, NoJob(id)
	}
	sql := selectLeased + `$2`
	if q.db.Dialect() == sqlgen.Postgres {
		sql += `::uuid`
	}
	err = q.read(ctx, func(r store.Reader) error {
		j = nil
		return r.Query(sql, []value.Value{value.OfText(lease), value.OfUUID(key)}, func(row value.Row) error {
			j = jobOf(row)
			j.Lease, j.Until, j.Begun = lease, time.UnixMicro(row.Int(16)), time.UnixMicro(row.Int(17))
			return nil
		})
	})
	if err == nil && j == nil {
		err = staleLease(id)
	}
	return j, err
}
