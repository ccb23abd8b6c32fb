package sqlite

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Read implements store.DB. Its snapshot has every commit of this DB that was answered before Read was called, and every
// commit of other processes that was complete. Without a logIndex it has their commits until snapshotAge before.
func (db *DB) Read(ctx context.Context, f func(store.Reader) error) error {
	deadline := time.Now().Add(db.cfg.ReadTimeout)
	reader, err := db.readers.take(ctx, db.cfg.ReadWait)
	if err != nil {
		return err
	}
	defer db.readers.give(reader)
	return reader.read(ctx, deadline, f)
}

// Readers implements store.DB. One short read for each core is worth running at once. More connections than cores miss the
// processor's caches: on two cores a list of 30 rows then costs 20 % more.
func (db *DB) Readers() (all, quick int) {
	return db.readers.size, min(db.readers.size, max(2, background.Processors()))
}

// reader is a connection that only reads, with the statement that holds its snapshot.
type reader struct {
	*conn
	commits *commits

	// The snapshot, which stays for later reads. It belongs to the user of the connection, or to the watch if the
	// connection is idle.
	pin         *lite.Stmt // runs readHeader, and so holds the snapshot
	pinned      bool
	seenCommits int64       // commits that the snapshot has, at least
	until       time.Time   // until when it serves new reads
	header      indexHeader // of the index, just before the snapshot
	begun       time.Time   // begin of the read under way
	shared      bool        // the read under way has the snapshot of an earlier one
	refused     error       // of the guard of the read under way

	index    *logIndex // nil if there is none
	accepted accepted
	others   *others
	outside  int64 // others.commits just before the snapshot

	client caller.Client // that waited for the connection
}

// readHeader reads a number from the database's header. Until it is reset, every statement of the connection sees the
// snapshot that it began. BEGIN would leave a gap: SQLite forgets an interruption that comes between two statements of a
// transaction.
const readHeader = "PRAGMA user_version"

// snapshotAge is how long a snapshot serves new reads, as long as nobody commits. To take and to release one needs six
// system calls (locks, the size of the file), a tenth of the time of a request for one row. Without a logIndex, commits of
// other processes are seen late by as much, so it is short.
const snapshotAge = time.Millisecond

func openReader(path string, cfg Config, commits *commits, others *others, index *logIndex) (*reader, error) {
	c, err := openConn(path, cfg, "query_only = ON")
	if err != nil {
		return nil, err
	}
	pin, _, err := c.raw.PrepareTransient(readHeader)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.pauses.on(c.raw); err != nil {
		return nil, errors.Join(err, pin.Finalize(), c.close())
	}
	r := &reader{conn: c, commits: commits, pin: pin, others: others, index: index}
	c.watch.WhenIdle(r.unpin) // an unused snapshot would keep SQLite from reusing the log
	return r, nil
}

func (r *reader) read(ctx context.Context, deadline time.Time, f func(store.Reader) error) error {
	r.watch.Begin(ctx, deadline)
	r.notes = telemetry.StatementsOf(ctx)
	defer r.finish() // a panic of f goes on to the caller, whose goroutine this is
	if err := r.snapshot(); err != nil {
		return err
	}
	r.refused = nil
	if err := f(r); err != nil {
		return err
	}
	return r.refused
}

// snapshot takes a snapshot, unless the reader has one that is fresh enough.
func (r *reader) snapshot() error {
	now := time.Now()
	r.begun = now
	r.pauses.begin(now)
	count, underWay := r.commits.state() // read before the snapshot, which may have later commits
	r.shared = r.pinned && r.seenCommits == count && !underWay && now.Before(r.until) && r.header == r.index.header()
	if r.shared {
		return nil
	}
	return r.renew(now, count)
}

// renew takes a snapshot that has count commits, at least.
func (r *reader) renew(now time.Time, count int64) error {
	r.unpin()
	r.outside = r.others.commits.Load()
	r.header = r.index.header()
	if _, err := r.pin.Step(); err != nil {
		return r.translate(err, readHeader)
	}
	r.pinned, r.seenCommits, r.until = true, count, now.Add(snapshotAge)
	r.accepted.begin(r.header, r.index.header(), r.index != nil)
	return nil
}

func (r *reader) unpin() {
	_ = r.pin.Reset() // repeats the error of Step
	r.pinned = false
}

func (r *reader) finish() {
	r.notes = nil
	if r.watch.End() != nil { // the interrupted statement has reported why
		r.unpin() // SQLite forgets an interruption only when no statement runs
	}
}

func (r *reader) close() error {
	r.watch.Close()
	return errors.Join(r.pin.Finalize(), r.conn.close())
}

// Query implements store.Reader.
func (r *reader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if r.refused != nil {
		return r.refused
	}
	return r.query(sql, args, row)
}

// Guard implements store.Reader. It runs the step at once, unless it has accepted the same state already.
func (r *reader) Guard(step store.Step) {
	if r.shared && r.index == nil {
		r.shared = false
		count, _ := r.commits.state()
		if r.refused = r.renew(time.Now(), count); r.refused != nil {
			return
		}
	}
	if r.accepted.has(step.Check) {
		return
	}
	if r.refused = r.runStep(&step); r.refused == nil {
		r.accepted.add(step.Check)
	}
}

// FinalStatement implements store.Reader. The snapshot serves later reads, so nothing can be saved.
func (*reader) FinalStatement() {}

// Dialect implements store.Reader.
func (*reader) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

// Generation implements store.Reader.
func (r *reader) Generation(table string) (int64, error) {
	if r.refused != nil {
		return 0, r.refused
	}
	return r.generation(table)
}

const selectGeneration = `SELECT generation FROM ashlar_generations WHERE "table" = ?1`

func (c *conn) generation(table string) (int64, error) {
	began := c.clock()
	generation, err := c.readGeneration(table)
	c.note(selectGeneration, began, 1)
	return generation, err
}

func (c *conn) readGeneration(table string) (generation int64, err error) {
	stmt, err := c.begin(selectGeneration, []value.Value{value.OfText(table)})
	if err != nil {
		return 0, err
	}
	defer c.statements.release(stmt)
	more, err := stmt.raw.Step()
	if err != nil {
		return 0, c.translate(err, selectGeneration)
	}
	if more {
		generation = stmt.Int(0)
	}
	return generation, nil
}

// readers is the pool of reading connections. It hands out the connection that came back last, because its page cache is
// the warmest.
type readers struct {
	gate   *admit.Gate[caller.Client] // has a slot for each connection
	size   int
	waited engine.Waits
	closed atomic.Bool

	mu   sync.Mutex
	idle []*reader
}

func openReaders(path string, cfg Config, commits *commits, others *others, index *logIndex) (*readers, error) {
	pool := &readers{gate: admit.NewGate[caller.Client](cfg.Readers, cfg.Readers), size: cfg.Readers}
	for i := range pool.size {
		reader, err := openReader(path, cfg, commits, others, index)
		if err != nil {
			pool.size = i
			return nil, errors.Join(err, pool.close(0))
		}
		pool.put(reader)
	}
	return pool, nil
}

func (p *readers) put(r *reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, r)
}

// pop returns an idle connection. The caller has a slot, so there is one.
func (p *readers) pop() *reader {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	r := p.idle[last]
	p.idle = p.idle[:last]
	return r
}

// take waits for a connection: until the deadline of ctx, and at most three times the patience. It refuses at once if it
// does not expect a connection within the patience, so that hardly anyone waits in vain.
func (p *readers) take(ctx context.Context, patience time.Duration) (*reader, error) {
	if p.closed.Load() {
		return nil, engine.Closed()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.gate.TryEnter(0, caller.Client{}) {
		return p.pop(), nil
	}
	origin, _ := admit.OriginOf(ctx)
	began := time.Now()
	err := p.gate.Enter(ctx, 0, origin.Client, patience)
	p.waited.Ended(began)
	telemetry.RecordOf(ctx).Waited(began)
	switch {
	case errors.Is(err, admit.ErrHopeless) && p.closed.Load():
		return nil, engine.Closed()
	case errors.Is(err, admit.ErrHopeless):
		p.waited.Refuse()
		return nil, busy(err)
	case err != nil:
		return nil, err
	case p.closed.Load():
		p.gate.Leave(0, origin.Client, 0)
		return nil, engine.Closed()
	}
	r := p.pop()
	r.client = origin.Client
	return r, nil
}

func busy(refusal error) error {
	return &errs.Error{
		Kind: errs.Unavailable, Message: "the database is busy with other queries", RetryAfter: admit.RetryAfter(refusal), Cause: store.ErrBusy,
	}
}

// give takes a connection back.
func (p *readers) give(r *reader) {
	var held time.Duration
	if p.gate.Wanted(0) {
		held = time.Since(r.begun)
	}
	client := r.client
	r.client = caller.Client{}
	p.put(r)
	p.gate.Leave(0, client, held)
}

// close closes the connections as they come back. It gives up on connections that do not come back within the patience.
func (p *readers) close(patience time.Duration) (err error) {
	p.closed.Store(true)
	deadline := time.Now().Add(patience)
	for range p.size {
		for !p.gate.TryEnter(0, caller.Client{}) { // an idle connection is closed however late it is
			if time.Now().After(deadline) {
				return errors.Join(err, errs.New(errs.Unavailable, "queries were still running when the database was closed"))
			}
			time.Sleep(time.Millisecond)
		}
		err = errors.Join(err, p.pop().close())
	}
	return err
}
