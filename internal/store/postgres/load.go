package postgres

import (
	"context"
	stdbinary "encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	// A process that was killed keeps its lock until the server finds that it is gone. The server looks every second.
	loadPatience = `SELECT set_config('lock_timeout', '3s', false)`
	lockLoad     = `SELECT pg_advisory_lock(1634955113, 0)::text`
	watchClient  = `SET client_connection_check_interval = '1s'`

	// The connection that loads has no deadline. Its commits need not be durable, because the last commit of a move is one
	// of Write. A power cut undoes at most the latest of them.
	loadSettings = `SELECT set_config('statement_timeout', '0', false) || set_config('lock_timeout', '0', false) ||
set_config('idle_in_transaction_session_timeout', '0', false) || set_config('synchronous_commit', 'off', false)`
)

// Load implements store.DB, on a connection of its own. A lock keeps others from loading the same database.
func (db *DB) Load(ctx context.Context, f func(store.Load) error) error {
	return db.withSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) error {
		for _, sql := range []string{loadPatience, lockLoad, loadSettings} {
			_, err := one(ctx, raw, sql)
			if sql == lockLoad && classOf(err) == contended && ctx.Err() == nil {
				return errs.New(errs.Conflict, "another process is just filling this database: wait until it is done, or stop it")
			}
			if err != nil {
				return translate(ctx, err)
			}
		}
		_ = execAll(ctx, raw, watchClient) // some systems cannot
		return f(&load{ctx, raw})
	})
}

// load implements store.Load.
type load struct {
	ctx context.Context // of Load
	c   *pgconn.PgConn
}

// Exec implements store.Load.
func (l *load) Exec(statements ...string) error {
	return l.transaction(statements, func() error { return nil })
}

// transaction commits the statements and what f does after them, or undoes both.
func (l *load) transaction(statements []string, f func() error) error {
	err := l.run(append([]string{begin}, statements...)...)
	if err == nil {
		err = f()
	}
	if err == nil {
		err = l.run(commit)
	}
	if err != nil && !l.c.IsClosed() {
		return errors.Join(err, l.run(rollback)) // without a transaction the server only warns
	}
	return err
}

func (l *load) run(statements ...string) error {
	for _, sql := range statements {
		if _, err := l.c.ExecParams(l.ctx, sql, nil, nil, nil, nil).Close(); err != nil {
			return l.translate(err, sql)
		}
	}
	return nil
}

func (l *load) translate(err error, sql string) error {
	if l.ctx.Err() != nil { // the watch may have closed the connection
		return l.ctx.Err()
	}
	if classOf(err) == constraint {
		return constraintError(err)
	}
	return translate(l.ctx, fmt.Errorf("%w in %s", err, engine.Excerpt(sql)))
}

// Copy implements store.Load, as one transaction. A table that create makes in it takes its rows frozen, so that no later
// reader or VACUUM writes them again.
func (l *load) Copy(create []string, into string, next func() ([]value.Value, error)) error {
	return l.transaction(create, func() error {
		rows := &copier{next: next}
		_, err := l.c.CopyFrom(l.ctx, rows, into)
		if own := rows.stop(); own != nil {
			return own // the server repeats our error
		}
		if err != nil {
			return l.translate(err, into)
		}
		return nil
	})
}

// copyHeader begins the binary input of COPY, and copyTrailer ends it
// (https://www.postgresql.org/docs/current/sql-copy.html).
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// copier encodes rows for COPY. The driver reads from it on a goroutine of its own, and leaves that goroutine behind if the
// connection breaks.
type copier struct {
	mu    sync.Mutex // held while a row is made
	next  func() ([]value.Value, error)
	buf   []byte // bytes that the driver has not read yet
	start int
	begun bool
	ended bool  // the trailer is in buf
	err   error // of next or of encoding
}

var errStopped = errors.New("the copying has ended")

// stop waits until the row that is being made is finished. No other follows. It returns the error that kept rows from being
// made.
func (c *copier) stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.err
	if c.err == nil {
		c.err = errStopped
	}
	return err
}

// Read implements io.Reader.
func (c *copier) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.start == len(c.buf) {
		c.buf, c.start = c.buf[:0], 0
		if c.err == nil {
			c.err = c.fill(len(p))
		}
		if c.err != nil {
			return 0, c.err
		}
		if len(c.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, c.buf[c.start:])
	c.start += n
	return n, nil
}

// fill appends rows until there are size bytes, or no more rows. It runs on a goroutine of the driver, where a panic would
// end the process.
func (c *copier) fill(size int) error {
	return background.Guard("a copy of rows", func() error { return c.fillUnguarded(size) })
}

func (c *copier) fillUnguarded(size int) error {
	if !c.begun {
		c.begun = true
		c.buf = append(c.buf, copyHeader...)
	}
	for len(c.buf) < size && !c.ended {
		values, err := c.next()
		if err != nil {
			return err
		}
		if values == nil {
			c.ended = true
			c.buf = append(c.buf, copyTrailer...)
			return nil
		}
		if c.buf, err = appendTuple(c.buf, values); err != nil {
			return engine.Internal(err)
		}
	}
	return nil
}

// appendTuple appends a row: the count of its fields, then each field with its length before it. The length of a NULL is
// -1.
func appendTuple(dst []byte, values []value.Value) ([]byte, error) {
	dst = stdbinary.BigEndian.AppendUint16(dst, uint16(len(values)))
	for _, val := range values {
		if val.IsNull() {
			dst = append(dst, "\xff\xff\xff\xff"...)
			continue
		}
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		var err error
		if dst, err = appendParam(dst, val, storedAs(val.Kind)); err != nil {
			return dst, err
		}
		stdbinary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	}
	return dst, nil
}

// storedAs returns the type of the columns that hold values of a kind (package sqlgen).
func storedAs(k value.Kind) uint32 {
	switch k {
	case value.Bool:
		return pgtype.BoolOID
	case value.Int:
		return pgtype.Int8OID
	case value.Float:
		return pgtype.Float8OID
	case value.Decimal:
		return pgtype.NumericOID
	case value.Timestamp:
		return pgtype.TimestamptzOID
	case value.Date:
		return pgtype.DateOID
	case value.UUID:
		return pgtype.UUIDOID
	}
	return pgtype.TextOID // json is sent as its text
}

// CheckReferences implements store.Load. The server checks a reference when it is made.
func (l *load) CheckReferences() error { return nil }

// EngineTables implements store.DB.
func (*DB) EngineTables() []string {
	return []string{"ashlar_engine", "ashlar_generations", "ashlar_changes"}
}
