// Package job keeps durable work in the database of an app, and does it.
//
// A write adds a job in its own transaction, so both happen or none. A node takes jobs under a lease, works, and settles how
// each attempt ended. A job runs at least once: a node that dies after the work and before the settlement leaves the job to
// another node. No job ends twice, because every transition compares the attempt and the lease.
//
// The files form layers. From the top down:
//   - runner.go runs the loops of a node. loop.go takes jobs of one queue, shelf.go holds them until a worker is free, and
//     attempt.go works on one job. settler.go batches settlements.
//   - renew.go keeps leases, keep.go does what becomes due in the table. wake.go tells the loops about new jobs.
//   - control.go, change.go and edit.go are for people, find.go and search.go find jobs for them. pull.go and state.go are for
//     workers and callers outside of this process. depth.go, history.go and tally.go count.
//   - take.go leases jobs, settle.go ends attempts, insert.go, template.go and rows.go add jobs. limit.go, room.go and ring.go
//     decide what the limits of a queue allow.
//   - table.go declares the tables, statements.go has the statements of both engines.
package job

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A QueueConfig says how fast the jobs of a queue may run.
type QueueConfig struct {
	Name    string
	Workers int   // jobs at once in each node; 0 means 8
	Rate    *Rate // starts in all nodes together; nil: no limit
	Each    *Each // jobs of different keys take turns; nil: they start in order
	Pull    bool  // workers outside of this process lease the jobs, and no node does them
	Fixed   bool  // nobody edits the jobs: they are the server's own
}

// limited reports whether nodes take turns to take jobs of the queue.
func (c *QueueConfig) limited() bool { return c.Rate != nil || c.Each != nil }

// rated reports whether a start of a job counts though the job is given back.
func (c *QueueConfig) rated() bool { return c.Rate != nil || (c.Each != nil && c.Each.Rate != nil) }

// An Each bounds the jobs of one key, in all nodes together.
type Each struct {
	AtOnce int   // 0: no limit
	Rate   *Rate // starts; nil: no limit
}

// most returns how many jobs of one key may run at once.
func (e *Each) most() int {
	if e.AtOnce == 0 {
		return mostTaken
	}
	return e.AtOnce
}

// Config tunes a Queue.
type Config struct {
	Queues  []QueueConfig
	Node    string           // names this process in rows; "": a random text
	Records *telemetry.Jobs  // get a record of each attempt; nil: none
	Logger  *slog.Logger     // nil means slog.Default()
	Now     func() time.Time // nil: time.Now
	Dead    func(Death)      // is told of each job that dies here, and returns at once; nil: nobody is told

	StopTime time.Duration // for attempts under way when Run ends; 0 means 5 s
	Keep     Keep

	lease, renew, poll, find time.Duration // tests shorten them
}

// Keep says how long finished jobs stay in the table.
type Keep struct {
	Done time.Duration // also of cancelled jobs; 0 means 24 h
	Dead time.Duration // 0 means 30 days
}

const (
	leaseTime    = 15 * time.Second
	renewPause   = 5 * time.Second // two renewals may fail before a lease ends
	pollPause    = time.Second     // between two looks for jobs that nobody announced
	callTime     = 10 * time.Second
	stopTime     = 5 * time.Second
	defaultTries = 12
	defaultAlive = 24 * time.Hour
	defaultDead  = 30 * 24 * time.Hour
	workers      = 8
)

// A Queue holds the jobs of a database. It is safe for concurrent use.
type Queue struct {
	db     store.DB
	sql    *statements
	cfg    Config
	queues map[string]*QueueConfig
	skew   atomic.Int64 // nanoseconds that the clock of the database is ahead

	mu       sync.Mutex
	handlers map[string]*handler

	arrivals arrivals
	tallies  map[string]*tally // by queue
}

// Open returns the jobs of a database that has the tables of Tables.
func Open(db store.DB, cfg Config) *Queue {
	q := &Queue{db: db, sql: statementsOf(db.Dialect()), cfg: cfg, queues: map[string]*QueueConfig{}, handlers: map[string]*handler{}, tallies: map[string]*tally{otherQueue: {}}}
	q.cfg.Queues = slices.Clone(cfg.Queues)
	for i := range q.cfg.Queues {
		c := &q.cfg.Queues[i]
		c.Workers = cmp.Or(c.Workers, workers)
		q.queues[c.Name], q.tallies[c.Name] = c, &tally{}
	}
	q.cfg.Node = cmp.Or(cfg.Node, rand.Text())
	q.cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if q.cfg.Now == nil {
		q.cfg.Now = time.Now
	}
	q.cfg.lease = cmp.Or(cfg.lease, leaseTime)
	q.cfg.renew = cmp.Or(cfg.renew, renewPause)
	q.cfg.poll = cmp.Or(cfg.poll, pollPause)
	q.cfg.find = cmp.Or(cfg.find, findTime)
	q.cfg.StopTime = cmp.Or(cfg.StopTime, stopTime)
	q.cfg.Keep.Done = cmp.Or(cfg.Keep.Done, defaultAlive)
	q.cfg.Keep.Dead = cmp.Or(cfg.Keep.Dead, defaultDead)
	q.arrivals.init()
	return q
}

// now returns the time of the database, about. All nodes judge leases by that one clock: a node whose own clock is a minute
// ahead would take every lease of the others for over.
func (q *Queue) now() time.Time { return q.cfg.Now().Add(time.Duration(q.skew.Load())) }

// longestAsk is how long a question for the time may take, so that the answer is worth something.
const longestAsk = 100 * time.Millisecond

// syncClock measures how far the clock of the database is ahead of this process. SQLite has the clock of the process.
func (q *Queue) syncClock(ctx context.Context) error {
	if q.db.Dialect() == sqlgen.SQLite {
		return nil
	}
	var there int64
	began, asked := q.cfg.Now(), time.Now()
	err := q.read(ctx, func(r store.Reader) error {
		return r.Query(selectClock, nil, func(row value.Row) error {
			there = row.Int(0)
			return nil
		})
	})
	if took := time.Since(asked); err == nil && (took < longestAsk || q.skew.Load() == 0) {
		q.skew.Store(int64(time.UnixMicro(there).Sub(began.Add(took / 2))))
	}
	return err
}

// TimeIn returns the time of the database, for decisions that nodes make one after the other.
func (q *Queue) TimeIn(tx store.Tx) (time.Time, error) { return q.timeIn(tx) }

// timeIn returns the time of the database itself, for decisions about limits that nodes make one after the other.
func (q *Queue) timeIn(tx store.Tx) (now time.Time, err error) {
	if tx.Dialect() == sqlgen.SQLite {
		return q.now(), nil
	}
	err = tx.Query(selectClock, nil, func(row value.Row) error {
		now = time.UnixMicro(row.Int(0))
		return nil
	})
	return now, err
}

// write runs f in a transaction in which no rule decides. f may run more than once.
func (q *Queue) write(ctx context.Context, f func(tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return q.db.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		return f(tx)
	})
}

func (q *Queue) read(ctx context.Context, f func(r store.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return q.db.Read(ctx, f)
}

func stamp(t time.Time) value.Value { return value.OfTimestamp(t.UnixMicro()) }

// optional returns a text, or null for "".
func optional(text string) value.Value {
	if text == "" {
		return value.Value{}
	}
	return value.OfText(text)
}
