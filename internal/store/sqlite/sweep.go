package sqlite

import (
	"errors"
	"fmt"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// openSweeper opens a connection that does not follow references. If SQLite follows them, a row of a chain of 300 costs 57 µs
// and one of 900 costs 80 µs, and a chain of more than 1,000 is an error. With a statement for each table a row costs 2 to
// 5 µs.
func openSweeper(path string, cfg Config) (*conn, error) {
	c, err := openConn(path, cfg, append(writerPragmas(cfg), "temp_store = MEMORY")...)
	if err != nil {
		return nil, err
	}
	if _, err := pragmaText(c.raw, "foreign_keys = OFF"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.control(createDoomed); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

const createDoomed = `CREATE TEMPORARY TABLE ashlar_doomed (t INTEGER NOT NULL, id NOT NULL, PRIMARY KEY (t, id)) WITHOUT ROWID`

// sweep runs a function in a transaction of its own, on a connection that does not follow references. Opening that connection
// takes about a millisecond.
func (w *writer) sweep(j *job) {
	usual := w.conn
	c, err := openSweeper(w.path, w.cfg)
	if err != nil {
		if ofDisk(lite.ErrCode(err)) {
			w.outage.Failed(fmt.Errorf("the connection of a sweep cannot be opened: %w", err))
		}
		j.answer <- errs.Wrapf(err, errs.Unavailable, "the database cannot be reached: nothing was written")
		return
	}
	c.outage = w.outage
	c.version = c.dataVersion()
	w.lookNow() // the last look of the usual connection before the sweep commits
	w.conn, w.sweeps = c, true
	defer w.endSweep(usual) // also if the writer panics: closing undoes what is not committed, so that others can write
	w.group = append(w.group, j)
	w.runInTransaction(j)
}

// endSweep puts the usual connection back. The commit of the sweep moved that connection's number, so it is read again. What
// other processes did in the meantime, the number of the sweep's connection has told.
func (w *writer) endSweep(usual *conn) {
	if usual != nil {
		usual.version = usual.dataVersion()
		w.lookNow()
	}
	if w.conn != nil {
		if err := w.conn.close(); err != nil {
			w.log.Error("the connection of a sweep cannot be closed", "error", err)
		}
	}
	w.conn, w.sweeps = usual, false
}
