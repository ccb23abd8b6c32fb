package postgres

import (
	"context"
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

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// role is what the connections of a pool are for.
type role struct {
	size, queue int
	patience    time.Duration // of those who wait
	timeout     time.Duration // of a statement, kept by the server
	lockTimeout time.Duration // of a lock, kept by the server; 0 means none
	isolation   string        // of transactions that do not ask for another
	readOnly    bool
	log         *slog.Logger
	pooled      bool     // a pooler is in between: see pooler.go
	opening     []string // what a transaction begins with; of reads without a pooler, nothing
}

// reading: outside of BEGIN a transaction is what stands between two syncs of the protocol. With this as its default,
// all statements of a Read are in one snapshot without a BEGIN, which a read of one statement would pay for.
func (c Config) reading() role {
	return role{
		pooled: c.Direct != "", log: c.Logger,
		size: c.Readers, queue: c.Queue, patience: c.ReadTimeout, timeout: c.ReadTimeout,
		isolation: "repeatable read", readOnly: true,
	}
}

func (c Config) writing() role {
	isolation := "read committed"
	if c.Serializable {
		isolation = "serializable"
	}
	return role{
		pooled: c.Direct != "", log: c.Logger,
		size: c.Writers, queue: c.Queue, patience: c.WriteTimeout, timeout: c.WriteTimeout,
		isolation: isolation, opening: []string{begin},
	}
}

// idleGrace is how much longer than its statements a transaction may stand idle before the server ends it: the node
// that began it is then gone.
const idleGrace = 5 * time.Second

// pool hands out connections, and refuses who would wait too long for one.
type pool struct {
	role
	raw    *pgxpool.Pool
	slots  chan struct{} // one for each connection in use
	timers engine.Timers

	mu      sync.Mutex
	stopped bool
	inside  int           // users, with those who wait
	kept    []*conn       // connections that nobody uses and raw takes for used: see keep
	empty   chan struct{} // closed when the pool is stopped and the last user has left
}

func newPool(config *pgx.ConnConfig, r role) (*pool, error) {
	// An empty address takes what ParseConfig would find in the environment; all of it is replaced.
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
	p := &pool{role: r, slots: make(chan struct{}, r.size), empty: make(chan struct{})}
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return r.setUp(ctx, c.PgConn(), p.unkeep) }
	if p.raw, err = pgxpool.NewWithConfig(context.Background(), pc); err != nil {
		return nil, err
	}
	return p, nil
}

// settings are those of its connections.
func (r role) settings() map[string]string {
	settings := map[string]string{
		"application_name":                    "ashlar",
		ownSetting:                            own,
		"default_transaction_isolation":       r.isolation,
		"timezone":                            "UTC",
		"datestyle":                           "ISO",
		"jit":                                 "off",   // compiling a plan takes longer than running it does here
		"parallel_setup_cost":                 "10000", // starting workers takes 5 ms, which the planner underrates
		"statement_timeout":                   millis(r.timeout),
		"idle_in_transaction_session_timeout": millis(r.timeout + idleGrace),
	}
	if r.lockTimeout > 0 {
		settings["lock_timeout"] = millis(r.lockTimeout)
	}
	return settings
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// cancelPatience is how long the server may take to cut a statement short before the connection is given up.
const cancelPatience = 2 * time.Second

// watcher cancels a statement on the server when its context ends, so that the server does not go on for nobody.
func (r role) watcher(c *pgconn.PgConn) ctxwatch.Handler {
	if r.pooled {
		return pooledWatcher(c)
	}
	return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
}

// enter counts a user in, who leaves by leave.
func (p *pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return engine.Closed()
	}
	if p.inside >= p.size+p.queue {
		return &errs.Error{Kind: errs.Unavailable, Message: "too many requests wait for the database", RetryAfter: time.Second, Cause: store.ErrBusy}
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

// wait waits for a turn, which ends by done.
func (p *pool) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	short := min(engine.ShortWait, p.patience)
	timer := p.timers.Start(short)
	defer p.timers.Stop(timer)
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-timer.C:
	}
	timer.Reset(p.patience - short)
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return &errs.Error{Kind: errs.Unavailable, Message: "the database is busy with other requests", RetryAfter: time.Second, Cause: store.ErrBusy}
	}
}

func (p *pool) done() { <-p.slots }

// take returns a connection to who has a turn, whose work may last until ctx or the deadline ends. It goes back by give.
func (p *pool) take(ctx context.Context, deadline time.Time) (*conn, error) {
	c := p.takeKept()
	if c == nil {
		held, err := p.acquire(ctx, deadline)
		if err != nil {
			return nil, unreachable(err)
		}
		c = held.Conn().PgConn().CustomData()[connKey].(*conn)
		c.held, c.uses = held, 0
	}
	c.watch.Begin(ctx, deadline)
	return c, nil
}

// acquire waits for a connection to be made no longer than until the deadline. One that is idle needs no waiting.
func (p *pool) acquire(ctx context.Context, deadline time.Time) (*pgxpool.Conn, error) {
	if p.raw.Stat().IdleConns() > 0 {
		return p.raw.Acquire(ctx)
	}
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return p.raw.Acquire(limited)
}

// give takes a connection back. One that is closed is replaced.
func (p *pool) give(c *conn) {
	c.watch.End()
	if !p.keep(c) {
		c.release()
		return
	}
	c.watch.LookAgain() // the last look may have come before it was kept
}

// maxUses is how often a connection is taken before pgxpool sees it again, which ends those that have lived long enough.
const maxUses = 1000

// keep keeps a connection for whoever takes one next, past pgxpool: its ways in and out are a twentieth of the time of a
// read. What nobody takes soon goes back by itself, so that pgxpool tries and ends those that stand idle. There are
// never more connections than turns: one is asked of pgxpool only where none is kept.
func (p *pool) keep(c *conn) bool {
	c.uses++
	if !p.readOnly || c.uses >= maxUses || c.raw.IsClosed() || c.raw.IsBusy() || c.raw.TxStatus() != 'I' {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.kept = append(p.kept, c)
	return true
}

// takeKept returns the connection that was kept last, or nil.
func (p *pool) takeKept() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) == 0 {
		return nil
	}
	last := len(p.kept) - 1
	c := p.kept[last]
	p.kept[last] = nil
	p.kept = p.kept[:last]
	return c
}

// unkeep gives a connection back to pgxpool, unless somebody has taken it meanwhile.
func (p *pool) unkeep(c *conn) {
	p.mu.Lock()
	i := slices.Index(p.kept, c)
	if i >= 0 {
		p.kept = slices.Delete(p.kept, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.release()
	}
}

// stop lets nobody in any more, and says whether it was the first to.
func (p *pool) stop() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.stopped = true
	for _, c := range p.kept {
		c.release()
	}
	p.kept = nil
	if p.inside == 0 {
		close(p.empty)
	}
	return true
}

// close closes the connections when all users have left, or gives up after the patience.
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
			p.raw.Close() // which waits for them
			return nil
		}, background.Report(p.log))
		return errs.New(errs.Unavailable, "statements were still running when the database was closed")
	}
}
