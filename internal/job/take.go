package job

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strconv"
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
	Begun                time.Time // when this attempt was leased

	rank   int64
	free   bool   // the row has no text of once, and gets none
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
	ring  ring
	node  string
	names []string // of jobs; nil: of any name
}

// namesValue returns the names as a statement takes them, or null for any name.
func (o *takeOrder) namesValue() value.Value {
	if o.names == nil {
		return value.Value{}
	}
	return value.OfList(o.names)
}

// take leases waiting jobs of a queue.
func (q *Queue) take(ctx context.Context, order *takeOrder) (found haul, err error) {
	before := order.ring
	err = q.write(ctx, func(tx store.Tx) error {
		found = haul{}
		order.ring = before
		if order.queue.limited() {
			return q.takeLimited(tx, order, &found)
		}
		return q.takeFirst(tx, order, q.now(), &found)
	})
	if err != nil {
		return haul{}, err
	}
	slices.SortFunc(found.jobs, func(a, b *Job) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.RunAt.Compare(b.RunAt), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

// takeFirst takes the first jobs of a queue without keys. Such a queue has keys only if it had a limit for each key before.
func (q *Queue) takeFirst(tx store.Tx, order *takeOrder, now time.Time, found *haul) error {
	sql, which := q.sql.take, []value.Value{value.OfText(order.queue.Name), value.OfText(""), value.OfInt(int64(order.most))}
	if order.names != nil {
		sql, which = q.sql.takeNamed, append(which, order.namesValue())
	}
	err := q.lease(tx, sql, order, found, now, which...)
	if err != nil || len(found.jobs) > 0 {
		found.more = len(found.jobs) == order.most
		return err
	}
	keys, err := q.keysFrom(tx, order.queue.Name, "", passedKeys)
	if err != nil || len(keys) == 0 {
		return err
	}
	room := make(map[string]int, len(keys))
	for _, key := range keys {
		room[key] = order.most
	}
	if err = q.takeTurns(tx, order, now, found, deal(keys, room, order.most)); err == nil {
		found.more = len(found.jobs) > 0
	}
	return err
}

// takeLimited takes jobs of a queue with limits. The nodes take turns, so that two of them do not both find the same room.
func (q *Queue) takeLimited(tx store.Tx, order *takeOrder, found *haul) error {
	c, most := order.queue, order.most
	next, err := q.lockQueue(tx, c.Name)
	if err != nil {
		return err
	}
	now, err := q.timeIn(tx)
	if err != nil {
		return err
	}
	if c.Rate != nil {
		if most = c.Rate.starts(now, next, most); most == 0 {
			found.wait = c.Rate.wait(now, next)
			return nil
		}
	}
	free := order.most
	order.most = most
	defer func() { order.most = free }()
	if c.Each == nil {
		err = q.takeFirst(tx, order, now, found)
	} else {
		err = q.takeFair(tx, order, now, found)
	}
	if err != nil || c.Rate == nil || len(found.jobs) == 0 {
		return err
	}
	_, err = tx.Exec(setQueueStart, []value.Value{value.OfInt(c.Rate.after(now, next, len(found.jobs)).UnixMicro()), value.OfText(c.Name)})
	return err
}

// takeFair takes jobs key by key, from the key after the last one that had its turn. It asks the database for the keys only if the
// ones that it knows have too few jobs.
func (q *Queue) takeFair(tx store.Tx, order *takeOrder, now time.Time, found *haul) error {
	known := len(order.ring.keys) > 0 && now.Sub(order.ring.read) < ringTime
	if known {
		if err := q.takeFromRing(tx, order, now, found); err != nil || len(found.jobs) == order.most {
			return err
		}
	}
	if err := q.readRing(tx, order, now); err != nil || len(order.ring.keys) == 0 {
		return err
	}
	return q.takeFromRing(tx, order, now, found)
}

// takeFromRing takes jobs of keys that are known.
func (q *Queue) takeFromRing(tx store.Tx, order *takeOrder, now time.Time, found *haul) error {
	most := order.most - len(found.jobs)
	rooms, err := q.rooms(tx, order.queue, order.ring.keys, now)
	if err != nil {
		return err
	}
	turns := deal(order.ring.keys, rooms.left, most)
	before := len(found.jobs)
	if err := q.takeTurns(tx, order, now, found, turns); err != nil {
		return err
	}
	started := found.jobs[before:]
	order.ring = order.ring.turned(turns, started)
	found.more, found.wait = len(found.jobs) > 0 || !order.ring.whole, rooms.wait // a key with few jobs has left workers for the others
	return q.countStarts(tx, order.queue, rooms, started, now)
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

// keysFrom returns keys with waiting jobs in their order, from one on.
func (q *Queue) keysFrom(tx store.Tx, queue, from string, most int) (keys []string, err error) {
	sql := sqliteKeys
	if tx.Dialect() == sqlgen.Postgres {
		sql = postgresKeys
	}
	err = tx.Query(sql, []value.Value{value.OfText(queue), value.OfText(from), value.OfInt(int64(most))}, func(row value.Row) error {
		keys = append(keys, string(row.Bytes(0)))
		return nil
	})
	slices.Sort(keys) // both engines compare bytes
	return keys, err
}

// takeTurns leases the first jobs of keys. LIMIT cannot depend on a row in SQLite, and statements are cheap there.
func (q *Queue) takeTurns(tx store.Tx, order *takeOrder, now time.Time, found *haul, t turns) error {
	if len(t.keys) == 0 {
		return nil
	}
	queue, names := value.OfText(order.queue.Name), order.namesValue()
	if tx.Dialect() == sqlgen.Postgres {
		most := make([]string, len(t.most))
		for i, n := range t.most {
			most[i] = strconv.Itoa(n)
		}
		return q.lease(tx, q.sql.takeTurns, order, found, now, value.OfList(t.keys), value.OfList(most), queue, names)
	}
	var rows []string
	for i, key := range t.keys {
		sql, args := sqliteOfKey, []value.Value{queue, value.OfText(key), value.OfInt(int64(t.most[i]))}
		if order.names != nil {
			sql, args = sqliteOfNames, append(args, names)
		}
		err := tx.Query(sql, args, func(row value.Row) error {
			rows = append(rows, strconv.FormatInt(row.Int(0), 10))
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return q.lease(tx, q.sql.takeThese, order, found, now, value.OfList(rows))
}

// lease runs a statement that leases jobs. The lease begins now, not when somebody first asked for jobs.
func (q *Queue) lease(tx store.Tx, sql string, order *takeOrder, found *haul, now time.Time, which ...value.Value) error {
	lease, until := rand.Text(), now.Add(q.cfg.lease)
	args := append([]value.Value{value.OfText(lease), stamp(until), value.OfText(order.node), stamp(now)}, which...)
	return tx.Query(sql, args, func(row value.Row) error {
		j := jobOf(row)
		j.Lease, j.Until, j.Begun = lease, until, now
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
		free: row.Int(15) == 1,
	}
}

func textOf(row value.Row, col int) string { return string(bytesOf(row, col)) }

func bytesOf(row value.Row, col int) []byte {
	if row.Null(col) {
		return nil
	}
	return append([]byte{}, row.Bytes(col)...)
}
