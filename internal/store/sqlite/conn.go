package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// conn is a connection with its prepared statements and its watch. One goroutine uses it at a time.
type conn struct {
	raw        *lite.Conn
	statements statements
	watch      *engine.Watch
	outage     *engine.Outage        // only of the writer's connection
	version    int64                 // last dataVersion that the writer saw: see others
	notes      *telemetry.Statements // of the work under way; nil if it has no record
	pauses     pauses                // only readers have some
	wrote      bool                  // a statement of the job under way may have changed something: see noteWrite
}

// openConn opens a connection with our usual settings, then runs the pragmas.
func openConn(path string, cfg Config, pragmas ...string) (*conn, error) {
	raw, err := openRaw(path, cfg)
	if err != nil {
		return nil, err
	}
	raw.SetBusyTimeout(cfg.BusyTimeout)
	if err := setUp(raw, cfg, pragmas); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return &conn{raw: raw, statements: newStatements(raw), watch: newWatch(raw), version: unknownVersion}, nil
}

// openRaw opens the file, alone if Config.alone is set.
func openRaw(path string, cfg Config) (*lite.Conn, error) {
	if !cfg.alone {
		return lite.OpenConn(path, lite.OpenReadWrite)
	}
	uri := url.URL{Scheme: "file", Path: path, RawQuery: "vfs=unix-excl"}
	return lite.OpenConn(uri.String(), lite.OpenReadWrite, lite.OpenURI)
}

// setUp does not set SQLite's defensive mode. The driver's SetDefensive passes one argument where SQLite reads two, so
// SQLite may write to whatever address follows (docs/decisions/0002-sqlite.md).
func setUp(raw *lite.Conn, cfg Config, pragmas []string) error {
	setLimits(raw)
	if _, err := checkHeader(raw); err != nil { // before anything changes the file
		return err
	}
	if err := useLog(raw, cfg.BusyTimeout); err != nil {
		return err
	}
	for _, pragma := range append(commonPragmas(), pragmas...) {
		if _, err := pragmaText(raw, pragma); err != nil {
			return err
		}
	}
	if on, err := pragmaText(raw, "foreign_keys"); err != nil || on != "1" {
		return errors.Join(errors.New("SQLite does not enforce foreign keys"), err)
	}
	return registerFunctions(raw, cfg.CountText)
}

// commonPragmas are for every connection. There is no memory map: an error of the disk would be a signal that ends the
// process. The map counts as resident once for each connection, and it gains 1 to 2 µs a row at most
// (docs/decisions/0002-sqlite.md).
func commonPragmas() []string {
	return []string{
		"foreign_keys = ON",
		"trusted_schema = OFF",
		"cell_size_check = ON",
		"mmap_size = 0",
		"cache_size = -8192", // KiB
	}
}

// writerPragmas returns the pragmas of connections that write. SQLite moves the log into the database at 1,000 pages, 4
// MiB. With 128 writers that has the best tail, at the price of a sixth of the throughput. The p99 is 17 ms. It is 35–44 ms at
// 4,000 pages, 50 ms at 16,000, and 30 ms at 16,000 with a second connection that moves the log in the background. A log that grew
// while a reader held it is cut back afterwards: see shrinkLog.
func writerPragmas(cfg Config) []string {
	pragmas := []string{autocheckpoint(usualPages)}
	if cfg.alone { // shrinkLog cannot look at the index of the log
		pragmas = append(pragmas, fmt.Sprintf("journal_size_limit = %d", keptLog))
	}
	if cfg.Durability == Normal {
		return append(pragmas, "synchronous = NORMAL")
	}
	if runtime.GOOS == "darwin" { // a plain fsync stops at the disk's cache
		pragmas = append(pragmas, "fullfsync = ON", "checkpoint_fullfsync = ON")
	}
	return append(pragmas, "synchronous = FULL")
}

// usualPages is the number of pages in the log from which a commit of the writer moves them.
const usualPages = 1000

func autocheckpoint(pages int) string { return fmt.Sprintf("wal_autocheckpoint = %d", pages) }

// setLimits sets limits on statements that are tighter than the compiled-in ones.
func setLimits(raw *lite.Conn) {
	raw.Limit(lite.LimitLength, 64<<20)
	raw.Limit(lite.LimitSQLLength, 1_000_000)
	raw.Limit(lite.LimitExprDepth, 1000)
	raw.Limit(lite.LimitVariableNumber, 32766)
	raw.Limit(lite.LimitAttached, 0)
	raw.Limit(lite.LimitWorkerThreads, 0)
}

// useLog turns on the write-ahead log. SQLite does not always wait if another process is doing the same.
func useLog(raw *lite.Conn, patience time.Duration) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		mode, err := pragmaText(raw, "journal_mode = WAL")
		if lite.ErrCode(err).ToPrimary() == lite.ResultBusy && time.Since(start) < patience {
			continue
		}
		if err == nil && mode != "wal" {
			err = fmt.Errorf("this file system cannot hold SQLite's write-ahead log (journal mode %q)", mode)
		}
		return err
	}
}

// pragmaText runs a pragma and returns the first column of its first row, or "".
func pragmaText(raw *lite.Conn, pragma string) (text string, err error) {
	stmt, _, err := raw.PrepareTransient("PRAGMA " + pragma)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, stmt.Finalize()) }()
	more, err := stmt.Step()
	if !more {
		return "", err
	}
	return stmt.ColumnText(0), err
}

func (c *conn) close() error {
	c.watch.Close()
	defer c.pauses.close()
	return errors.Join(c.statements.close(), c.raw.Close())
}

// query runs a statement of the program and gives row each row of its result.
func (c *conn) query(sql string, args []value.Value, row func(value.Row) error) error {
	began := c.clock()
	rows, err := c.rows(sql, args, row)
	c.note(sql, began, rows)
	return err
}

// rows runs a statement, gives row each row of its result, and returns their number.
func (c *conn) rows(sql string, args []value.Value, row func(value.Row) error) (n int, err error) {
	stmt, err := c.begin(sql, args)
	if err != nil {
		return 0, err
	}
	defer c.statements.release(stmt)
	for ; ; n++ {
		more, err := stmt.raw.Step()
		c.noteWrite(stmt, more, err)
		if err != nil {
			return n, c.translate(err, sql)
		}
		if !more {
			return n, nil
		}
		if err := row(stmt); err != nil {
			return n + 1, err
		}
		if n%rowsToClock == rowsToClock-1 {
			c.pauses.look()
		}
	}
}

// clock returns the time at which a statement begins, if somebody wants to know.
func (c *conn) clock() (now time.Time) {
	if c.notes != nil {
		now = time.Now()
	}
	return now
}

// note notes a statement that began at a time of clock.
func (c *conn) note(sql string, began time.Time, rows int) {
	if c.notes != nil {
		c.notes.Add(sql, began, time.Since(began), rows)
	}
}

// exec runs a statement of the program to its end and returns how many rows it changed.
func (c *conn) exec(sql string, args []value.Value) (int64, error) {
	began := c.clock()
	changed, err := c.change(sql, args)
	c.note(sql, began, int(changed))
	return changed, err
}

func (c *conn) change(sql string, args []value.Value) (int64, error) {
	stmt, err := c.begin(sql, args)
	if err != nil {
		return 0, err
	}
	defer c.statements.release(stmt)
	err = stmt.finish()
	c.noteWrite(stmt, false, err)
	if err != nil {
		return 0, c.translate(err, sql)
	}
	if !stmt.changes {
		return 0, nil // Changes would count the statement before
	}
	return int64(c.raw.Changes()), nil
}

// noteWrite notes whether a statement may have changed something, once it has returned a row or has ended. A statement with
// RETURNING has changed all its rows before it returns the first one. SQLite undoes a statement that fails, and then counts no
// changes, except after OR FAIL.
func (c *conn) noteWrite(stmt *statement, row bool, err error) {
	if !stmt.reads && !c.wrote {
		c.wrote = row || (err == nil && !stmt.changes) || (err != nil && stmt.partial) || c.raw.Changes() > 0
	}
}

// begin returns the prepared statement with its parameters bound. The caller releases it.
func (c *conn) begin(sql string, args []value.Value) (*statement, error) {
	stmt, err := c.statements.take(sql)
	if err != nil {
		return nil, c.translate(err, sql)
	}
	if stmt.control {
		err = engine.EndsTransaction(sql)
	} else {
		err = stmt.bind(args)
	}
	if err != nil {
		c.statements.release(stmt)
		return nil, err
	}
	return stmt, nil
}

// control runs one of our own statements without parameters: BEGIN, SAVEPOINT, COMMIT.
func (c *conn) control(sql string) error {
	stmt, err := c.statements.take(sql)
	if err != nil {
		return c.translate(err, sql)
	}
	defer c.statements.release(stmt)
	if err := stmt.finish(); err != nil {
		return c.translate(err, sql)
	}
	return nil
}

// translate gives an error of SQLite its kind. For an interruption it returns the reason of the interruption.
func (c *conn) translate(err error, sql string) error {
	if lite.ErrCode(err).ToPrimary() == lite.ResultInterrupt {
		if cause := c.watch.Cause(); cause != nil {
			return cause
		}
	}
	if code := lite.ErrCode(err); c.outage != nil && ofDisk(code) {
		return c.refused(err, code, sql)
	}
	translated := translate(err, sql)
	if refusal, ok := errors.AsType[*store.ConstraintError](translated); ok && refusal.Constraint == store.Unique && refusal.Columns == nil {
		if err := c.resolve(refusal, err.Error()); err != nil {
			return errors.Join(translated, err)
		}
	}
	return translated
}

// resolve fills in the column of a unique index on an expression. SQLite's message names only the index.
func (c *conn) resolve(refusal *store.ConstraintError, message string) error {
	_, rest, _ := strings.Cut(message, indexMessage)
	name, _, found := strings.Cut(rest, "'")
	if !found {
		return nil
	}
	return c.query(indexColumn, []value.Value{value.OfText(name)}, func(row value.Row) error {
		refusal.Table, refusal.Columns = string(row.Bytes(0)), []string{string(row.Bytes(1))}
		return nil
	})
}

// indexColumn finds the column in the text of the index: "lower("email")".
const indexColumn = `SELECT i.tbl_name, c.name FROM sqlite_schema AS i, pragma_table_info(i.tbl_name) AS c
WHERE i.type = 'index' AND i.name = ?1 AND instr(substr(i.sql, instr(i.sql, '(')), '"' || c.name || '"') > 0 LIMIT 1`

// fullRetryAfter is when a client should ask again after the disk took no write. Somebody has to make room first.
const fullRetryAfter = 10 * time.Second

// refused is the error of a write that the disk did not take. Its transaction is undone, or will be.
func (c *conn) refused(err error, code lite.ResultCode, sql string) error {
	failed := &errs.Error{Kind: errs.Unavailable, Message: "the disk takes no writes: nothing was written", RetryAfter: fullRetryAfter,
		Cause: causeOf(err, code, sql)}
	if code.ToPrimary() == lite.ResultFull {
		failed.Message = "the disk is full: nothing was written"
	}
	c.outage.Failed(failed.Cause)
	return failed
}
