package postgres

import (
	"cmp"
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// conn is a connection with what belongs to it. One goroutine uses it at a time.
type conn struct {
	raw        *pgconn.PgConn
	held       *pgxpool.Conn // while it is taken, or kept
	uses       int           // since it was held
	statements statements
	opening    []string          // what a transaction begins with
	control    map[string]string // the names of BEGIN and its like, prepared when the connection was made; nil behind a pooler
	stripe     int64             // see takeStripe; -1 while it has none
	binder     binder
	row        row           // the one that is given out by a read of one statement
	watch      *engine.Watch // over whoever has taken it
}

// connKey is under which the driver's connection keeps ours.
const connKey = "ashlar"

const selectIsolation = "SELECT current_setting('default_transaction_isolation')"

// setUp prepares a new connection. Without its settings it would read from more than one snapshot, so they are looked at.
// idle is called a little after it was used last; it may be nil.
func (r role) setUp(ctx context.Context, raw *pgconn.PgConn, idle func(*conn)) error {
	c := &conn{raw: raw, statements: newStatements(r.pooled), opening: r.opening, stripe: -1, watch: engine.NewWatch(watchInterval, cutter{r.watcher(raw)})}
	if idle != nil {
		c.watch.WhenIdle(func() { idle(c) })
	}
	raw.CustomData()[connKey] = c
	if r.pooled {
		return nil // nothing that is said to it stays
	}
	if got, err := one(ctx, raw, selectIsolation); err != nil || got != r.isolation {
		return cmp.Or(err, errPooler)
	}
	if r.readOnly { // not a setting of the connection: target_session_attrs=read-write would take the server for a standby
		rr := raw.ExecParams(ctx, "SET default_transaction_read_only = on", nil, nil, nil, nil)
		if _, err := rr.Close(); err != nil {
			return err
		}
	}
	return c.prepareControl(ctx)
}

// release gives it back to pgxpool.
func (c *conn) release() {
	held := c.held
	c.held = nil
	held.Release()
}

// The statements that end and nest transactions.
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

// prepareControl prepares them all in one round trip.
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
