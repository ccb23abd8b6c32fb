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
	after string // the last key that had its turn: the next one begins
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
	after := order.after
	err = q.write(ctx, func(tx store.Tx) error {
		found = haul{}
		order.after = after
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
	keys, err := q.keysFrom(tx, order.queue.Name, "", turnsOfKeys)
	if err != nil || len(keys) == 0 {
		return err
	}
	all, err := q.candidates(tx, order, keys, order.most)
	if err != nil || len(all) == 0 {
		return err
	}
	found.more = true
	room := make(map[string]int, len(keys))
	for _, key := range keys {
		room[key] = order.most
	}
	return q.takeIDs(tx, order, now, found, choose(all, room, order.most))
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

// turnsOfKeys is how many keys one look passes by though they have no room.
const turnsOfKeys = 64

// takeFair takes jobs key by key, from the key after the last one that had its turn.
func (q *Queue) takeFair(tx store.Tx, order *takeOrder, now time.Time, found *haul) error {
	queue := order.queue.Name
	keys, whole, err := q.keyRing(tx, queue, order.after, order.most+turnsOfKeys)
	if err != nil || len(keys) == 0 {
		return err
	}
	last := keys[len(keys)-1]
	rooms, err := q.rooms(tx, order.queue, keys, now)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return rooms.left[key] <= 0 })
	keys = keys[:min(len(keys), order.most)]
	if len(keys) == 0 {
		order.after, found.more, found.wait = last, !whole, rooms.wait
		return nil
	}
	each := min(order.queue.Each.most(), (order.most+len(keys)-1)/len(keys))
	all, err := q.candidates(tx, order, keys, each)
	if err != nil {
		return err
	}
	chosen := choose(all, rooms.left, order.most)
	order.after = keys[len(keys)-1]
	before := len(found.jobs)
	if err := q.takeIDs(tx, order, now, found, chosen); err != nil {
		return err
	}
	found.more = len(chosen) > 0 || !whole // a key with few jobs has left workers for the others
	return q.countStarts(tx, order.queue, rooms, found.jobs[before:], now)
}

// keyRing returns keys with waiting jobs: the ones after a key, then the ones from the beginning up to it. whole says that
// there are no others.
func (q *Queue) keyRing(tx store.Tx, queue, after string, most int) (keys []string, whole bool, err error) {
	from := ""
	if after != "" {
		from = after + "\x01" // the first text after it, since no key has a zero byte
	}
	if keys, err = q.keysFrom(tx, queue, from, most); err != nil || len(keys) == most || from == "" {
		return keys, len(keys) < most, err
	}
	first, err := q.keysFrom(tx, queue, "", most-len(keys))
	if end := slices.IndexFunc(first, func(key string) bool { return key > after }); end >= 0 {
		return append(keys, first[:end]...), true, err
	}
	return append(keys, first...), len(first) < most-len(keys), err
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

// candidates returns the first jobs of each key, in the order of the keys.
func (q *Queue) candidates(tx store.Tx, order *takeOrder, keys []string, each int) (all []candidate, err error) {
	queue, most, names := value.OfText(order.queue.Name), value.OfInt(int64(each)), order.namesValue()
	if tx.Dialect() == sqlgen.Postgres {
		return all, tx.Query(postgresFirst, []value.Value{queue, value.OfList(keys), most, names}, func(row value.Row) error {
			all = append(all, candidate{string(row.Bytes(0)), string(row.Bytes(1))})
			return nil
		})
	}
	for _, key := range keys {
		sql, args := sqliteOfKey, []value.Value{queue, value.OfText(key), most}
		if order.names != nil {
			sql, args = sqliteOfNames, append(args, names)
		}
		err := tx.Query(sql, args, func(row value.Row) error {
			all = append(all, candidate{key, strconv.FormatInt(row.Int(0), 10)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (q *Queue) takeIDs(tx store.Tx, order *takeOrder, now time.Time, found *haul, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return q.lease(tx, q.sql.takeThese, order, found, now, value.OfList(ids))
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
