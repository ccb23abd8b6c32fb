package job

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Depth says how many jobs of a queue have a state.
type Depth struct {
	Queue, State string
	Jobs         int64     // at most MostCounted
	Since        time.Time // when the first of them is or was due
}

// MostCounted is where Depths stops to count, so that a look costs at most a second however many jobs there are.
const MostCounted = 1_000_000

const (
	nextQueueName = `SELECT queue FROM ashlar_jobs WHERE queue > $1 ORDER BY queue LIMIT 1`
	// The order makes PostgreSQL take the index. Without it the plan for any state reads the whole table.
	countState = `SELECT count(*), min(run_at) FROM (
	SELECT run_at FROM ashlar_jobs WHERE queue = $1 AND state = $2 ORDER BY lane, rank, run_at LIMIT $3
) AS j`
)

// QueueNames returns the queues of the configuration and the ones that have jobs, sorted.
func (q *Queue) QueueNames(ctx context.Context) (names []string, err error) {
	err = q.read(ctx, func(r store.Reader) error {
		names, err = q.namesIn(r)
		return err
	})
	return names, err
}

func (q *Queue) namesIn(r store.Reader) (names []string, err error) {
	for name := range q.queues {
		names = append(names, name)
	}
	sql := system.Numbered(q.db.Dialect(), nextQueueName)
	for last, more := "", true; more && err == nil; {
		more = false
		err = r.Query(sql, []value.Value{value.OfText(last)}, func(row value.Row) error {
			last, more = textOf(row, 0), true
			if !slices.Contains(names, last) {
				names = append(names, last)
			}
			return nil
		})
	}
	slices.Sort(names)
	return names, err
}

// Depths returns how many jobs of each queue have not ended or are dead. It does not count done and cancelled jobs: there may
// be millions, and they were counted when they ended.
func (q *Queue) Depths(ctx context.Context) (all []Depth, err error) {
	sql := system.Numbered(q.db.Dialect(), countState)
	err = q.read(ctx, func(r store.Reader) error {
		all = nil
		names, err := q.namesIn(r)
		if err != nil {
			return err
		}
		for _, name := range names {
			for _, state := range [...]string{running, scheduled, waiting, dead} {
				err := r.Query(sql, []value.Value{value.OfText(name), value.OfText(state), value.OfInt(MostCounted)}, func(row value.Row) error {
					if n := row.Int(0); n > 0 {
						all = append(all, Depth{Queue: name, State: state, Jobs: n, Since: timeOf(row, 1)})
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return all, err
}
