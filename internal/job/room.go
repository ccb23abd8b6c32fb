package job

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// rooms say how many jobs of each key may start now.
type rooms struct {
	left map[string]int
	next map[string]time.Time // of the keys that have started jobs: see Rate
	wait time.Duration        // until the rate of a key allows a start; 0: there is no such key
}

const (
	ofLive       = `FROM ashlar_jobs WHERE queue = $1 AND state = 'running' AND turn_at > $2`
	countLive    = `SELECT key, count(*) ` + ofLive + ` GROUP BY key`
	sqliteOfLive = `SELECT key, 1 ` + ofLive // SQLite would sort the rows to count them

	selectStarts = `SELECT key, next_start FROM ashlar_queue_keys WHERE queue = $1 AND key `
	setStart     = `INSERT INTO ashlar_queue_keys (id, queue, key, next_start, created_at, updated_at, _rev) VALUES ($1, $2, $3, $4, $5, $5, 0)
ON CONFLICT (id) DO UPDATE SET next_start = excluded.next_start, updated_at = excluded.updated_at`
	forgetStarts = `DELETE FROM ashlar_queue_keys WHERE id IN (SELECT id FROM ashlar_queue_keys WHERE next_start < $1 ORDER BY next_start LIMIT $2)`
)

// rooms returns the rooms of keys of a queue. The caller holds the lock of the queue.
func (q *Queue) rooms(tx store.Tx, c *QueueConfig, keys []string, now time.Time) (r rooms, err error) {
	r.left = make(map[string]int, len(keys))
	for _, key := range keys {
		r.left[key] = c.Each.most()
	}
	if c.Each.AtOnce > 0 {
		sql := sqliteOfLive
		if tx.Dialect() == sqlgen.Postgres {
			sql = countLive
		}
		err := tx.Query(sql, []value.Value{value.OfText(c.Name), stamp(now)}, func(row value.Row) error {
			if left := r.left[string(row.Bytes(0))]; left > 0 {
				r.left[string(row.Bytes(0))] = max(0, left-int(row.Int(1)))
			}
			return nil
		})
		if err != nil {
			return r, err
		}
	}
	if c.Each.Rate == nil {
		return r, nil
	}
	for _, key := range keys {
		r.left[key] = c.Each.Rate.starts(now, time.Time{}, r.left[key])
	}
	r.next = map[string]time.Time{}
	sql := selectStarts + `IN (SELECT value FROM json_each($2))`
	if tx.Dialect() == sqlgen.Postgres {
		sql = selectStarts + `= ANY($2::text[])`
	}
	err = tx.Query(system.Numbered(tx.Dialect(), sql), []value.Value{value.OfText(c.Name), value.OfList(keys)}, func(row value.Row) error {
		key, next := string(row.Bytes(0)), time.UnixMicro(row.Int(1))
		r.next[key] = next
		had := r.left[key]
		r.left[key] = c.Each.Rate.starts(now, next, had)
		if wait := c.Each.Rate.wait(now, next); had > 0 && r.left[key] == 0 && (r.wait == 0 || wait < r.wait) {
			r.wait = wait
		}
		return nil
	})
	return r, err
}

// countStarts notes the starts of jobs for the rate of their keys.
func (q *Queue) countStarts(tx store.Tx, c *QueueConfig, r rooms, started []*Job, now time.Time) error {
	if c.Each.Rate == nil {
		return nil
	}
	counts := map[string]int{}
	for _, j := range started {
		counts[j.Key]++
	}
	for key, n := range counts {
		next := c.Each.Rate.after(now, r.next[key], n)
		_, err := tx.Exec(setStart, []value.Value{
			value.OfText(c.Name + ":" + key), value.OfText(c.Name), value.OfText(key), value.OfInt(next.UnixMicro()), stamp(now),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetKeys deletes up to batch rows of keys that may start jobs as if they never had started one.
func (q *Queue) forgetKeys(tx store.Tx) (n int64, err error) {
	return tx.Exec(system.Numbered(tx.Dialect(), forgetStarts), []value.Value{value.OfInt(q.now().UnixMicro()), value.OfInt(batch)})
}
