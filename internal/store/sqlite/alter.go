package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// forever is the deadline of statements that rewrite tables. They take as long as the rows need, and the caller waits.
const forever = 365 * 24 * time.Hour

// Alter implements store.DB. Its transactions keep others from writing, and nobody from reading.
func (db *DB) Alter(ctx context.Context, f func(store.Session) error) (err error) {
	c, err := openWriter(db.writer.path, db.cfg)
	if err != nil {
		return describeOpenError(db.writer.path, err)
	}
	db.writer.commits.enter()
	defer db.writer.commits.leave()
	defer func() { err = errors.Join(err, c.close()) }() // undoes what is not committed
	if _, err := pragmaText(c.raw, "foreign_keys = OFF"); err != nil {
		return err
	}
	c.notes = telemetry.StatementsOf(ctx)
	c.watch.Begin(ctx, time.Now().Add(forever))
	defer c.watch.End()
	return background.Guard("a change of tables", func() error { return f(&alteration{c: c}) })
}

// alteration implements store.Session.
type alteration struct {
	c      *conn
	inside bool // a transaction
}

// Query implements store.Session.
func (a *alteration) Query(sql string, args []value.Value, row func(value.Row) error) error {
	return a.c.query(sql, args, row)
}

// Exec implements store.Session.
func (a *alteration) Exec(sql string, args []value.Value) (int64, error) { return a.c.exec(sql, args) }

// Dialect implements store.Session.
func (*alteration) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

// Transaction implements store.Session.
func (a *alteration) Transaction(f func() error) (err error) {
	if a.inside {
		return engine.Nested()
	}
	if err := a.c.control("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	a.inside = true
	committed := false
	defer func() {
		a.inside = false
		if !committed && !a.c.raw.AutocommitEnabled() {
			err = errors.Join(err, a.c.control("ROLLBACK"))
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := a.c.control("COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}

// MarkChanged implements store.Session.
func (a *alteration) MarkChanged(tables ...string) error {
	for _, table := range tables {
		if _, err := a.c.exec(moveGeneration, []value.Value{value.OfText(table)}); err != nil {
			return err
		}
	}
	return nil
}

const moveCounter = `UPDATE OR REPLACE ashlar_counters SET name = 'next:' || ?2 WHERE name = 'next:' || ?1`

// MoveCounter implements store.Session.
func (a *alteration) MoveCounter(from, to string) error {
	_, err := a.c.exec(moveCounter, []value.Value{value.OfText(from), value.OfText(to)})
	return err
}
