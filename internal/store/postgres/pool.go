package postgres

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// poolKind says what the connections of a pool are for.
type poolKind struct {
	size, queue int
	patience    time.Duration // of callers that wait
	timeout     time.Duration // of a statement, enforced by the server
	lockTimeout time.Duration // of a lock, enforced by the server; 0 means none
	isolation   string        // default isolation of transactions
	readOnly    bool
	log         *slog.Logger
	tally       *tally   // nil for connections outside of the pools
	pooled      bool     // behind a pooler: see pooler.go
	opening     []string // statements that begin a transaction; none for reads without a pooler
}

// reading is the kind of the pool for reads. Without BEGIN, a transaction is what stands between two syncs of the protocol.
// With this isolation as the default, all statements of a Read share one snapshot without a BEGIN, which a read of one
// statement would pay for.
func (c Config) reading() poolKind {
	return poolKind{
		pooled: c.Direct != "", log: c.Logger,
		size: c.Readers, queue: c.Queue, patience: min(c.ReadTimeout, longestWait), timeout: c.ReadTimeout,
		isolation: "repeatable read", readOnly: true,
	}
}

// longestWait bounds the wait for a connection, however long a read may take.
const longestWait = 5 * time.Second

func (c Config) writing() poolKind {
	isolation := "read committed"
	if c.Serializable {
		isolation = "serializable"
	}
	return poolKind{
		pooled: c.Direct != "", log: c.Logger,
		size: c.Writers, queue: c.Queue, patience: c.WriteTimeout, timeout: c.WriteTimeout,
		isolation: isolation, opening: []string{begin},
	}
}

// idleGrace is how much longer than its statements a transaction may be idle before the server ends it, because the node
// that began it is gone.
const idleGrace = 5 * time.Second

// pool hands out connections, and refuses callers that would wait too long for one.
type pool struct {
	poolKind
	raw    *pgxpool.Pool
	gate   *admit.Gate[caller.Client] // has a slot for each connection
	waited engine.Waits
	timers engine.Timers

	mu      sync.Mutex
	stopped bool
	inside  int           // users, waiting ones included
	cached  []*conn       // idle connections that raw takes for used: see cache
	empty   chan struct{} // closed when the pool is stopped and the last user has left
}

func newPool(config *pgx.ConnConfig, r poolKind, t *tally) (*pool, error) {
	r.tally = t
	// ParseConfig takes what an empty address lacks from the environment. All of it is replaced.
	pc, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	pc.ConnConfig = config.Copy()
	pc.ConnConfig.ConnectTimeout = connectTimeout
	maps.Copy(pc.ConnConfig.RuntimeParams, r.settings())
	if r.pooled {
		pc.ConnConfig.RuntimeParams, r.opening = r.perTransaction(pc.ConnConfig.RuntimeParams)
		pc.BeforeConnect = neverCancel
	}
	pc.MaxConns = int32(r.size)
	pc.MaxConnLifetimeJitter = 10 * time.Minute
	pc.PingTimeout = 2 * time.Second
	p := &pool{poolKind: r, gate: admit.NewGate[caller.Client](r.size, r.size), empty: make(chan struct{})}
	p.gate.MaxWaiting = r.queue
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return r.setUp(ctx, c.PgConn(), p.uncache) }
	if p.raw, err = pgxpool.NewWithConfig(context.Background(), pc); err != nil {
		return nil, err
	}
	return p, nil
}

// settings returns the settings of the connections.
func (r poolKind) settings() map[string]string {
	settings := map[string]string{
		"application_name":                    "ashlar",
		ownSetting:                            own,
		"default_transaction_isolation":       r.isolation,
		"timezone":                            "UTC",
		"datestyle":                           "ISO",
		"jit":                                 "off",   // compiling our plans takes longer than running them
		"parallel_setup_cost":                 "10000", // starting workers takes 5 ms, more than the planner assumes
		"statement_timeout":                   millis(r.timeout),
		"idle_in_transaction_session_timeout": millis(r.timeout + idleGrace),
	}
	if r.lockTimeout > 0 {
		settings["lock_timeout"] = millis(r.lockTimeout)
	}
	return settings
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// cancelPatience is how long the server may take to cut a statement short, before we give the connection up.
const cancelPatience = 2 * time.Second

// watcher returns what cancels a statement on the server when its context ends.
func (r poolKind) watcher(raw *pgconn.PgConn) ctxwatch.Handler {
	if r.pooled {
		return pooledWatcher(raw)
	}
	return &pgconn.CancelRequestContextWatcherHandler{Conn: raw, DeadlineDelay: cancelPatience}
}

// enter counts a user in, who calls leave at the end.
func (p *pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return engine.Closed()
	}
	p.inside++
	return nil
}

func (p *pool) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inside--
	if p.stopped && p.inside == 0 {
		close(p.empty)
	}
}

// A turn is the right to use one connection.
type turn struct {
	origin admit.Origin
	level  int
	began  time.Time
}

// wait waits for a turn, which done ends. Clients take turns. Work that took long when a client last did it gets a quarter
// of the connections.
func (p *pool) wait(ctx context.Context) (t turn, err error) {
	if err := ctx.Err(); err != nil {
		return t, err
	}
	t.origin, _ = admit.OriginOf(ctx)
	t.level = p.gate.Level(t.origin.Client, t.origin.Shape)
	if p.gate.TryEnter(t.level, t.origin.Client) {
		t.began = time.Now()
		return t, nil
	}
	began := time.Now()
	err = p.gate.Enter(ctx, t.level, t.origin.Client, p.patience/3) // which waits for all of it at most
	p.waited.Ended(began)
	record := telemetry.RecordOf(ctx)
	record.Waited(began)
	t.began = time.Now()
	if errors.Is(err, admit.ErrHopeless) {
		record.Refuse(p.limit())
		return t, p.busy(err)
	}
	return t, err
}

// limit is the name of the limit of a caller that was refused.
func (p *pool) limit() string {
	if p.readOnly {
		return "reads"
	}
	return "writes"
}

func (p *pool) busy(refusal error) error {
	p.waited.Refuse()
	return &errs.Error{
		Kind: errs.Unavailable, Message: "the database is busy with other requests", RetryAfter: admit.RetryAfter(refusal), Cause: store.ErrBusy,
	}
}

func (p *pool) done(t turn) {
	p.gate.LeaveAfter(t.level, t.origin.Client, t.origin.Shape, time.Since(t.began))
}

// take returns a connection to a caller that has a turn. The work may last until ctx or the deadline ends. give takes the
// connection back.
func (p *pool) take(ctx context.Context, deadline time.Time) (*conn, error) {
	c := p.takeCached()
	if c == nil {
		held, err := p.acquire(ctx, deadline)
		if err != nil {
			return nil, unreachable(err)
		}
		c = held.Conn().PgConn().CustomData()[connKey].(*conn)
		c.held, c.uses = held, 0
	}
	c.watch.Begin(ctx, deadline)
	c.notes = nil
	return c, nil
}

// acquire acquires a connection. It waits until the deadline for a new one to be made.
func (p *pool) acquire(ctx context.Context, deadline time.Time) (*pgxpool.Conn, error) {
	if p.raw.Stat().IdleConns() > 0 {
		return p.raw.Acquire(ctx)
	}
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return p.raw.Acquire(limited)
}

// give takes a connection back. The pool replaces one that is closed.
func (p *pool) give(c *conn) {
	c.watch.End()
	if !p.cache(c) {
		c.release()
		return
	}
	c.watch.LookAgain() // the last look may have come before the connection was cached
}

// maxUses is how often a connection is taken before pgxpool sees it again. pgxpool ends connections at their maximal age.
const maxUses = 1000

// cache keeps a connection for the next caller, past pgxpool, which takes a twentieth of the time of a read. An unused
// connection soon goes back by itself, so that pgxpool checks and ends idle ones. There are never more
// connections than turns, because pgxpool is asked only if none is cached.
func (p *pool) cache(c *conn) bool {
	c.uses++
	if !p.readOnly || c.uses >= maxUses || c.raw.IsClosed() || c.raw.IsBusy() || c.raw.TxStatus() != 'I' {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.cached = append(p.cached, c)
	return true
}

// takeCached returns the connection that was cached last, or nil.
func (p *pool) takeCached() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.cached) == 0 {
		return nil
	}
	last := len(p.cached) - 1
	c := p.cached[last]
	p.cached[last] = nil
	p.cached = p.cached[:last]
	return c
}

// uncache gives a connection back to pgxpool, unless somebody has taken it.
func (p *pool) uncache(c *conn) {
	p.mu.Lock()
	i := slices.Index(p.cached, c)
	if i >= 0 {
		p.cached = slices.Delete(p.cached, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.release()
	}
}

// stop lets nobody in any more, and reports whether it was the first to stop the pool.
func (p *pool) stop() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.stopped = true
	for _, c := range p.cached {
		c.release()
	}
	p.cached = nil
	if p.inside == 0 {
		close(p.empty)
	}
	return true
}

// close closes the connections when all users have left. It gives up after the patience.
func (p *pool) close(patience time.Duration) error {
	p.stop()
	timer := time.NewTimer(max(patience, time.Millisecond))
	defer timer.Stop()
	select {
	case <-p.empty:
		p.raw.Close()
		return nil
	case <-timer.C:
		background.Go("the end of a pool", func() error {
			p.raw.Close() // waits for the users
			return nil
		}, background.Report(p.log))
		return errs.New(errs.Unavailable, "statements were still running when the database was closed")
	}
}
