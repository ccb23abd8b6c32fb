package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// One node at a time changes tables, or fills a new database: system.LockAgainstMigrations waits for the same lock.
const tryAlter = `SELECT pg_try_advisory_lock(1634955112, 0)`

// Alter implements store.DB. It goes past a pooler to the database itself, because the lock belongs to the connection.
func (db *DB) Alter(ctx context.Context, f func(store.Session) error) error {
	return db.withAdminSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) (err error) {
		if err := (poolKind{isolation: alterIsolation}).setUp(ctx, raw, nil); err != nil {
			return err
		}
		c := raw.CustomData()[connKey].(*conn)
		c.notes = telemetry.StatementsOf(ctx)
		c.watch.Begin(ctx, time.Time{})
		defer c.watch.End()
		a := &alteration{db: db, ctx: ctx, s: newSession(c, true)}
		defer a.s.end()
		if err := a.lock(); err != nil {
			return err
		}
		return background.Guard("a change of tables", func() error { return f(a) })
	})
}

// alterIsolation is the isolation of transactions that change tables. They hold the locks that they need.
const alterIsolation = "read committed"

// withAdminSession is withSession with the settings of a session that may take its time.
func (db *DB) withAdminSession(ctx context.Context, f func(context.Context, *pgconn.PgConn) error) error {
	own := &DB{cfg: db.cfg, session: db.session.Copy()}
	for name, setting := range map[string]string{
		"application_name":                    "ashlar migrate",
		"default_transaction_isolation":       alterIsolation,
		"timezone":                            "UTC",
		"datestyle":                           "ISO",
		"statement_timeout":                   "0",
		"lock_timeout":                        "0",
		"idle_in_transaction_session_timeout": "0",
	} {
		own.session.RuntimeParams[name] = setting
	}
	return own.withSession(ctx, f)
}

// alteration implements store.Session.
type alteration struct {
	db     *DB
	ctx    context.Context // of Alter
	s      *session
	inside bool  // a transaction is under way
	broken error // error of the driver that ended the transaction under way
}

// Dialect implements store.Session.
func (*alteration) Dialect() sqlgen.Dialect { return sqlgen.Postgres }

const lockPause = 100 * time.Millisecond

// lock waits until no other node changes tables.
func (a *alteration) lock() error {
	for waited := time.Duration(0); ; waited += lockPause {
		var got bool
		err := a.Query(tryAlter, nil, func(row value.Row) error {
			got = row.Int(0) != 0
			return nil
		})
		if err != nil || got {
			return err
		}
		if waited == 10*lockPause {
			a.db.cfg.Logger.Info("waiting for another node, which changes the tables")
		}
		if err := sleep(a.ctx, lockPause); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Query implements store.Session.
func (a *alteration) Query(sql string, args []value.Value, row func(value.Row) error) error {
	_, err := a.run(sql, args, row)
	return err
}

// Exec implements store.Session.
func (a *alteration) Exec(sql string, args []value.Value) (int64, error) {
	return a.run(sql, args, func(value.Row) error { return nil })
}

func (a *alteration) run(sql string, args []value.Value, row func(value.Row) error) (int64, error) {
	if endsTransaction(sql) {
		return 0, engine.EndsTransaction(sql)
	}
	var rowErr error
	changed, err := a.s.query(sql, args, envelope{}, func(v value.Row) error {
		rowErr = row(v)
		return rowErr
	})
	if err == nil || (rowErr != nil && a.s.failed == nil && errors.Is(err, rowErr)) {
		return changed, err
	}
	if a.broken == nil {
		a.broken = err
	}
	return 0, a.explain(fmt.Errorf("%w in %s", err, engine.Excerpt(sql)))
}

// dependentObjects is the code of the error if a view, for example, uses the column or table.
const dependentObjects = "2BP01"

// explain gives an error its type. A constraint may be refused by rows that were there before.
func (a *alteration) explain(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == dependentObjects {
		return errs.Wrapf(err, errs.Conflict, "something that is not the model's depends on it, drop that first: %s", e.Detail)
	}
	if classOf(err) != constraint {
		return translate(a.ctx, err)
	}
	refusal := constraintError(err)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.Constraint == store.Unique && refusal.Table == "" {
		refusal.Table = e.TableName
	}
	return refusal
}

// A statement waits this long for a table. Whoever wants the table in the meantime waits behind it.
const alterLockTimeout = `SET LOCAL lock_timeout = '80ms'`

// alterPatience is how long a transaction tries again while others hold the tables, and maxAlterPause how long it leaves
// the tables to others in between.
const (
	alterPatience = 10 * time.Minute
	maxAlterPause = 500 * time.Millisecond
)

// Transaction implements store.Session.
func (a *alteration) Transaction(f func() error) error {
	if a.inside {
		return engine.Nested()
	}
	deadline := time.Now().Add(alterPatience)
	for {
		err := a.attempt(f)
		switch {
		case err == nil:
			return nil
		case a.broken == nil || classOf(a.broken) != contended:
			return err
		case time.Now().After(deadline):
			return errs.Wrapf(a.broken, errs.Unavailable, "other transactions hold the tables and do not end")
		}
		if err := sleep(a.ctx, maxAlterPause/4+rand.N(maxAlterPause)); err != nil {
			return err
		}
	}
}

func (a *alteration) attempt(f func() error) (err error) {
	a.inside, a.broken = true, nil
	defer func() { a.inside = false }()
	if err := a.control(begin); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed && a.s.failed == nil {
			err = errors.Join(err, a.control(rollback))
		}
	}()
	if _, err := a.run(alterLockTimeout, nil, nil); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if a.broken != nil { // f went on after an error, but the transaction did not
		return a.explain(a.broken)
	}
	committed = true
	return a.control(commit)
}

// control runs one of the statements that every connection has prepared.
func (a *alteration) control(sql string) error {
	if err := a.s.run(sql); err != nil {
		if a.broken == nil {
			a.broken = err
		}
		return a.explain(err)
	}
	return nil
}

// Changes of tables have a stripe that no pool takes. Only one of them runs at a time.
const touchAlone = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ($1, -1, 1)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`

// MarkChanged implements store.Session.
func (a *alteration) MarkChanged(tables ...string) error {
	for _, table := range tables {
		if _, err := a.Exec(touchAlone, []value.Value{value.OfText(table)}); err != nil {
			return err
		}
	}
	return nil
}

const hasSequence = `SELECT 1 FROM pg_class WHERE relname = $1::text AND relkind = 'S' AND relnamespace = current_schema()::regnamespace`

// MoveCounter implements store.Session.
func (a *alteration) MoveCounter(from, to string) error {
	found := false
	err := a.Query(hasSequence, []value.Value{value.OfText(sequenceOf(from))}, func(value.Row) error {
		found = true
		return nil
	})
	if err != nil || !found {
		return err
	}
	a.db.counters.Delete(from) // a later table of this name needs a new sequence
	if _, err := a.Exec("DROP SEQUENCE IF EXISTS "+sqlgen.Quote(sequenceOf(to)), nil); err != nil {
		return err
	}
	_, err = a.Exec("ALTER SEQUENCE "+sqlgen.Quote(sequenceOf(from))+" RENAME TO "+sqlgen.Quote(sequenceOf(to)), nil)
	return err
}
