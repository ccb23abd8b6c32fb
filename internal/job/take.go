package job

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Job is a job under a lease.
type Job struct {
	ID, Queue, Name, Key string
	Attempt              int // counts from 1
	Tries                int
	Table, Row           string // the row that the job is about
	Args                 []byte // JSON, or nil
	By, Trace            string
	RunAt, EnqueuedAt    time.Time
	Lease                string    // proves the right to settle this attempt
	Until                time.Time // end of the lease, unless it is renewed

	rank   int64
	errors []byte // JSON of the errors of former attempts
	result []byte
}

// SetResult keeps a result of at most MaxResult bytes of JSON with the job, if the attempt succeeds.
func (j *Job) SetResult(json []byte) { j.result = json }

// A haul is what one look for jobs has found.
type haul struct {
	jobs []*Job
	more bool          // look again at once
	wait time.Duration // until the rate allows a start; 0: there is no such time
}

// takeOrder is one look for jobs of a queue.
type takeOrder struct {
	queue *QueueConfig
	most  int
	after string // the last key that had its turn: the next one begins
	node  string
}

// take leases waiting jobs of a queue.
func (q *Queue) take(ctx context.Context, order *takeOrder) (found haul, err error) {
	after := order.after
	err = q.write(ctx, func(tx store.Tx) error {
		found = haul{}
		order.after = after
		if order.queue.limited() {
			return q.takeLimited(tx, order, &found)
		}
		return q.takeFirst(tx, order, &found)
	})
	if err != nil {
		return haul{}, err
	}
	slices.SortFunc(found.jobs, func(a, b *Job) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

// takeFirst takes the first jobs of a queue without limits. Such a queue has keys only if it had limits before.
func (q *Queue) takeFirst(tx store.Tx, order *takeOrder, found *haul) error {
	const keys = 16
	err := q.lease(tx, q.sql.take, order, found, value.OfText(order.queue.Name), value.OfText(""), value.OfInt(int64(order.most)))
	if err != nil || len(found.jobs) > 0 {
		found.more = len(found.jobs) == order.most
		return err
	}
	all, err := q.candidates(tx, order.queue.Name, "", keys, order.most)
	if err != nil || len(all) == 0 {
		return err
	}
	found.more = true
	return q.takeIDs(tx, order, found, choose(all, nil, order.most, order.most))
}

// takeLimited takes jobs of a queue with limits. The nodes take turns, so that two of them do not both find the same room.
func (q *Queue) takeLimited(tx store.Tx, order *takeOrder, found *haul) error {
	c, most := order.queue, order.most
	next, err := q.lockQueue(tx, c.Name)
	if err != nil {
		return err
	}
	now := q.now()
	if c.Rate != nil {
		if most = c.Rate.starts(now, next, most); most == 0 {
			found.wait = c.Rate.wait(now, next)
			return nil
		}
	}
	ids, more, err := q.fair(tx, order, now, most)
	if err != nil {
		return err
	}
	if err := q.takeIDs(tx, order, found, ids); err != nil {
		return err
	}
	found.more = more || len(found.jobs) == most
	if c.Rate == nil || len(found.jobs) == 0 {
		return nil
	}
	_, err = tx.Exec(setQueueStart, []value.Value{value.OfInt(c.Rate.after(now, next, len(found.jobs)).UnixMicro()), value.OfText(c.Name)})
	return err
}

const (
	turnsOfKeys    = 64   // keys that one look passes by though they have no room
	mostCandidates = 4096 // jobs that one look reads, about
)

// fair picks jobs of a queue key by key, from the key after the last one that had its turn. more says that other keys may have
// jobs.
func (q *Queue) fair(tx store.Tx, order *takeOrder, now time.Time, most int) (ids []string, more bool, err error) {
	atOnce, live := order.queue.AtOnce, map[string]int{}
	if atOnce == 0 {
		atOnce = most
	} else if live, err = q.live(tx, order.queue.Name, now); err != nil {
		return nil, false, err
	}
	from := ""
	if order.after != "" {
		from = order.after + "\x01" // the first text after it, since no key has a zero byte
	}
	each := min(atOnce, most)
	keys := min(most+turnsOfKeys, max(turnsOfKeys, mostCandidates/each))
	all, err := q.candidates(tx, order.queue.Name, from, keys, each)
	if err != nil {
		return nil, false, err
	}
	ids = choose(all, live, atOnce, most)
	order.after = "" // the end of the keys: begin again
	switch {
	case len(ids) == most:
		order.after = lastChosen(all, ids)
	case len(all) > 0 && countKeys(all) == keys:
		order.after, more = all[len(all)-1].key, true
	case from != "":
		more = true
	}
	return ids, more, nil
}

// lastChosen returns the last key that had its turn in the first round.
func lastChosen(all []candidate, ids []string) (key string) {
	chosen := make(map[string]bool, len(ids))
	for _, id := range ids {
		chosen[id] = true
	}
	for i, c := range all {
		if (i == 0 || c.key != all[i-1].key) && chosen[c.id] {
			key = c.key
		}
	}
	return key
}

func countKeys(all []candidate) (n int) {
	for i := range all {
		if i == 0 || all[i].key != all[i-1].key {
			n++
		}
	}
	return n
}

// live counts the leases of each key that have not ended.
func (q *Queue) live(tx store.Tx, queue string, now time.Time) (map[string]int, error) {
	live := map[string]int{}
	err := tx.Query(selectLive, []value.Value{value.OfText(queue), stamp(now)}, func(row value.Row) error {
		live[string(row.Bytes(0))] = int(row.Int(1))
		return nil
	})
	return live, err
}

// lockQueue keeps other nodes from taking jobs of the queue until the transaction ends. It returns the time of the next start.
func (q *Queue) lockQueue(tx store.Tx, queue string) (next time.Time, err error) {
	for range 2 {
		found := false
		err := tx.Query(q.sql.lockQueue, []value.Value{value.OfText(queue)}, func(row value.Row) error {
			next, found = time.UnixMicro(row.Int(0)), true
			return nil
		})
		if err != nil || found {
			return next, err
		}
		if _, err := tx.Exec(addQueue, []value.Value{value.OfText(queue), value.OfBool(false), stamp(q.now())}); err != nil {
			return next, err
		}
	}
	return next, nil
}

// candidates returns the first jobs of each of some keys, in the order of the keys.
func (q *Queue) candidates(tx store.Tx, queue, from string, keys, each int) (all []candidate, err error) {
	if tx.Dialect() == sqlgen.Postgres {
		args := []value.Value{value.OfText(queue), value.OfText(from), value.OfInt(int64(keys)), value.OfInt(int64(each))}
		err = tx.Query(q.sql.first, args, func(row value.Row) error {
			all = append(all, candidate{string(row.Bytes(0)), string(row.Bytes(1))})
			return nil
		})
		return all, err
	}
	for range keys {
		key, found := "", false
		err := tx.Query(sqliteNextKey, []value.Value{value.OfText(queue), value.OfText(from)}, func(row value.Row) error {
			key, found = string(row.Bytes(0)), true
			return nil
		})
		if err != nil || !found {
			return all, err
		}
		err = tx.Query(sqliteOfKey, []value.Value{value.OfText(queue), value.OfText(key), value.OfInt(int64(each))}, func(row value.Row) error {
			all = append(all, candidate{key, string(row.Bytes(0))})
			return nil
		})
		if err != nil {
			return nil, err
		}
		from = key + "\x01"
	}
	return all, nil
}

func (q *Queue) takeIDs(tx store.Tx, order *takeOrder, found *haul, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return q.lease(tx, q.sql.takeThese, order, found, value.OfList(ids))
}

// lease runs a statement that leases jobs. The lease begins now, not when somebody first asked for jobs.
func (q *Queue) lease(tx store.Tx, sql string, order *takeOrder, found *haul, which ...value.Value) error {
	now, lease := q.now(), rand.Text()
	until := now.Add(q.cfg.lease)
	args := append([]value.Value{value.OfText(lease), stamp(until), value.OfText(order.node), stamp(now)}, which...)
	return tx.Query(sql, args, func(row value.Row) error {
		j := jobOf(row)
		j.Lease, j.Until = lease, until
		found.jobs = append(found.jobs, j)
		return nil
	})
}

// jobOf reads takenColumns.
func jobOf(row value.Row) *Job {
	return &Job{
		ID: string(row.Bytes(0)), Queue: string(row.Bytes(1)), Name: string(row.Bytes(2)), Key: string(row.Bytes(3)),
		Attempt: int(row.Int(4)), Tries: int(row.Int(5)), rank: row.Int(6), RunAt: time.UnixMicro(row.Int(7)),
		Table: textOf(row, 8), Row: textOf(row, 9), Args: bytesOf(row, 10), errors: bytesOf(row, 11),
		By: textOf(row, 12), Trace: textOf(row, 13), EnqueuedAt: time.UnixMicro(row.Int(14)),
	}
}

func textOf(row value.Row, col int) string { return string(bytesOf(row, col)) }

func bytesOf(row value.Row, col int) []byte {
	if row.Null(col) {
		return nil
	}
	return append([]byte{}, row.Bytes(col)...)
}
