package job

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// batch is how many rows one transaction of this file changes.
const batch = 500

// promote makes the scheduled jobs waiting whose time has come, and returns the queues that have more jobs now.
func (q *Queue) promote(ctx context.Context) (queues map[string]bool, err error) {
	queues = map[string]bool{}
	for n := batch; n == batch; {
		err := q.write(ctx, func(tx store.Tx) error {
			n = 0
			return tx.Query(q.sql.promote, []value.Value{stamp(q.now()), value.OfInt(batch)}, func(row value.Row) error {
				n++
				queues[string(row.Bytes(0))] = true
				return nil
			})
		})
		if err != nil {
			return queues, err
		}
	}
	return queues, nil
}

// nextDue returns the time at which the next scheduled job becomes due. ok is false if there is none.
func (q *Queue) nextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	err = q.read(ctx, func(r store.Reader) error {
		ok = false
		return r.Query(nextTurn, nil, func(row value.Row) error {
			at, ok = time.UnixMicro(row.Int(0)), true
			return nil
		})
	})
	return at, ok, err
}

// errLost is the error of an attempt whose worker is gone.
var errLost = errors.New("the worker was gone before it had finished")

// rescue takes jobs back whose lease has ended: their workers have died or hang. They wait again at once. After its last attempt
// a job is dead.
func (q *Queue) rescue(ctx context.Context) (queues map[string]bool, rescued int, err error) {
	queues = map[string]bool{}
	for n := batch; n == batch; {
		var all []settlement
		var jobs []*Job
		var settled map[string]bool
		err := q.write(ctx, func(tx store.Tx) error {
			all, jobs = nil, nil
			now := q.now()
			err := tx.Query(q.sql.ended, []value.Value{stamp(now), value.OfInt(batch)}, func(row value.Row) error {
				j := &Job{
					ID: textOf(row, 0), Lease: textOf(row, 1), Attempt: int(row.Int(2)), Tries: int(row.Int(3)), Queue: textOf(row, 4),
					errors: bytesOf(row, 5), Name: textOf(row, 6),
				}
				queues[j.Queue] = true
				s := q.settlementOf(j, errLost, false)
				if s.state == scheduled {
					s.state, s.runAt, s.turnAt = waiting, time.Time{}, time.Time{}
				}
				all, jobs = append(all, s), append(jobs, j)
				return nil
			})
			if err != nil || len(all) == 0 {
				return err
			}
			settled, err = q.settleIn(tx, all)
			return err
		})
		if err != nil {
			return queues, rescued, err
		}
		n = len(all)
		rescued += n
		for i, j := range jobs {
			if settled[j.ID] {
				q.noteRescued(j, all[i].state)
			}
		}
	}
	return queues, rescued, nil
}

func (q *Queue) noteRescued(j *Job, state string) {
	t := q.tallyOf(j.Queue)
	t.rescued.Add(1)
	if state == dead {
		t.note(dead)
		q.bury(j, errLost)
	}
}

// sweepTurns bounds the transactions of one sweep: the next one comes soon.
const sweepTurns = 200

// sweep deletes finished jobs that were kept long enough, and what is known of keys that rest, in batches.
func (q *Queue) sweep(ctx context.Context) (deleted int, err error) {
	for _, state := range []string{done, cancelled, dead} {
		for range sweepTurns {
			n := 0
			err := q.write(ctx, func(tx store.Tx) error {
				n = 0
				return tx.Query(q.sql.delete, []value.Value{value.OfText(state), stamp(q.now()), value.OfInt(batch)}, func(value.Row) error {
					n++
					return nil
				})
			})
			if err != nil {
				return deleted, err
			}
			deleted += n
			if n < batch {
				break
			}
		}
	}
	for range sweepTurns {
		var n int64
		err := q.write(ctx, func(tx store.Tx) (err error) {
			n, err = q.forgetKeys(tx)
			return err
		})
		if err != nil || n < batch {
			return deleted, err
		}
	}
	return deleted, nil
}
