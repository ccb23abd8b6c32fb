package postgres

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// conn is a connection with its prepared statements and its watch. One goroutine uses it at a time.
type conn struct {
	raw        *pgconn.PgConn
	held       *pgxpool.Conn // set while the connection is taken or cached
	uses       int           // since the connection was acquired
	statements statements
	opening    []string          // statements that begin a transaction
	control    map[string]string // names of the prepared BEGIN and its like; nil behind a pooler
	stripe     int64             // see takeStripe; -1 for none
	binder     binder
	row        row                   // row of a read of one statement
	tally      *tally                // nil outside of the pools
	watch      *engine.Watch         // over the work of the user
	notes      *telemetry.Statements // of the user's work; nil if it has no record

	guardBinder binder // binds the guard of the statement that binder binds
}

// connKey is the key under which a connection of the driver keeps its conn.
const connKey = "ashlar"

const selectIsolation = "SELECT current_setting('default_transaction_isolation')"

// setUp prepares a new connection. It checks a setting, because without its settings the connection would read from more
// than one snapshot. The watch calls idle a little after the last use. idle may be nil.
func (r poolKind) setUp(ctx context.Context, raw *pgconn.PgConn, idle func(*conn)) error {
	c := &conn{raw: raw, statements: newStatements(r.pooled), opening: r.opening, stripe: -1, tally: r.tally, watch: engine.NewWatch(watchInterval, cutter{r.watcher(raw)})}
	if idle != nil {
		c.watch.WhenIdle(func() { idle(c) })
	}
	raw.CustomData()[connKey] = c
	if r.tally != nil {
		r.tally.opened.Add(1)
	}
	if r.pooled {
		return nil // a pooler forgets settings
	}
	if got, err := one(ctx, raw, selectIsolation); err != nil || got != r.isolation {
		return cmp.Or(err, errPooler)
	}
	if r.readOnly { // as a setting of the connection, target_session_attrs=read-write would take the server for a standby
		rr := raw.ExecParams(ctx, "SET default_transaction_read_only = on", nil, nil, nil, nil)
		if _, err := rr.Close(); err != nil {
			return err
		}
	}
	return c.prepareControl(ctx)
}

// clock returns the time at which a statement begins, if somebody wants to know.
func (c *conn) clock() (now time.Time) {
	if c.notes != nil {
		now = time.Now()
	}
	return now
}

// note notes a statement that began at a time of clock. It returns the time at which the next one begins.
func (c *conn) note(sql string, began time.Time, rows int) time.Time {
	if c.notes == nil {
		return began
	}
	now := time.Now()
	c.notes.Add(sql, began, now.Sub(began), rows)
	return now
}

// release gives the connection back to pgxpool.
func (c *conn) release() {
	held := c.held
	c.held = nil
	held.Release()
}

// The statements that begin, end and nest transactions.
const (
	begin       = "BEGIN"
	commit      = "COMMIT"
	rollback    = "ROLLBACK"
	savepoint   = "SAVEPOINT s"
	release     = "RELEASE SAVEPOINT s"
	rollbackTo  = "ROLLBACK TO SAVEPOINT s"
	deferChecks = "SET CONSTRAINTS ALL DEFERRED"
	check       = "SET CONSTRAINTS ALL IMMEDIATE"
)

// prepareControl prepares these statements in one round trip.
func (c *conn) prepareControl(ctx context.Context) error {
	c.control = map[string]string{}
	all := []string{begin, commit, rollback, savepoint, release, rollbackTo, deferChecks, check}
	p := c.raw.StartPipeline(ctx)
	for i, sql := range all {
		p.SendPrepare("c"+strconv.Itoa(i), sql, nil)
	}
	if err := p.Sync(); err != nil {
		return err
	}
	for i, sql := range all {
		if _, err := p.GetResults(); err != nil {
			return errorsOf(err, p.Close())
		}
		c.control[sql] = "c" + strconv.Itoa(i)
	}
	return p.Close()
}
