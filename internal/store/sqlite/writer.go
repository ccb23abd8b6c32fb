package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// writer runs functions and scripts, one after another on one connection, and commits them in groups. A group takes in
// every job that waits when its transaction begins, or that comes while the group runs. Each job can be undone without the
// others. All are answered after the one sync of the commit. A job that comes alone is committed at once.
//
// This file has one transaction of the writer, group.go the jobs in it, and queue.go the way of a job to the writer.
type writer struct {
	path string
	cfg  Config
	log  *slog.Logger

	jobs    *jobs // that wait
	timers  engine.Timers
	outage  *engine.Outage
	commits *commits
	spare   engine.Revisions
	written engine.Writes
	others  *others
	giveUp  atomic.Pointer[time.Time] // set by stop: the writer refuses what is queued after this time
	stopped chan struct{}             // closed when the last job has been answered
	passed  chan *job                 // of one element: a job that ended a group, and that the writer's goroutine runs next
	index   *logIndex
	tally   tally

	// using guards the fields below. The writer's goroutine holds it, or a caller that leads, or look for a moment.
	using sync.Mutex

	conn       *conn          // nil if it could not be opened again
	leads      bool           // a caller's goroutine runs the group, which takes in only scripts
	sweeps     bool           // conn does not follow references, until the sweep ends
	group      []*job         // of the transaction under way, unanswered
	began      time.Time      // of that transaction
	touched    []string       // tables of the jobs of the group that succeeded
	unrepeated int64          // the last number for tx.Generation that nobody gets again
	reserved   engine.Span    // revisions that the transaction under way has reserved
	careful    int            // jobs that run in savepoints: see runInGroup
	batches    engine.Batches // of the scripts that succeeded
	shrinks    bool           // the transaction may cut the log
	lag        lag
}

func openWriter(path string, cfg Config) (*conn, error) {
	return openConn(path, cfg, writerPragmas(cfg)...)
}

// begin begins a transaction.
func (w *writer) begin() error {
	if w.conn == nil && !w.reopen() {
		return errs.New(errs.Unavailable, "the database cannot be reached: nothing was written")
	}
	w.touched, w.reserved, w.began = w.touched[:0], engine.Span{}, time.Now()
	w.batches.Clear()
	w.shrinkLog()
	if err := w.conn.control("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.lookNow()
	w.others.writing.Store(true)
	return nil
}

// lost reports whether the transaction is gone. SQLite undoes the whole of it after an interruption, a full disk and more.
func (w *writer) lost() bool { return w.conn.raw.AutocommitEnabled() }

func (w *writer) touch(tables []string) { w.touched = engine.AddTables(w.touched, tables...) }

func (w *writer) isTouched(table string, own []string) bool {
	return slices.Contains(w.touched, table) || slices.Contains(own, table)
}

const moveGeneration = `INSERT INTO ashlar_generations ("table", generation) VALUES (?1, 1)
ON CONFLICT ("table") DO UPDATE SET generation = generation + 1`

// moveGenerations moves the generations of the tables that the transaction touched.
func (w *writer) moveGenerations() error {
	for _, table := range w.touched {
		if _, err := w.conn.exec(moveGeneration, []value.Value{value.OfText(table)}); err != nil {
			return err
		}
	}
	return nil
}

// commit ends the transaction and answers every job in it. Jobs that failed have waited too: what refused them may be a row
// of a neighbour.
func (w *writer) commit() {
	w.others.writing.Store(false)
	w.commits.count.Add(1)
	before, began := w.index.state(), time.Now()
	err := w.conn.control("COMMIT")
	w.commits.count.Add(1)
	w.tally.committed(err == nil, before, w.index.state(), began)
	w.written.Add(w.touched)
	if err == nil {
		w.spare.Add(w.reserved)
		w.answer(nil)
		w.endShrink()
		w.noteLag()
		return
	}
	switch {
	case !w.undone(err):
		err = engine.UnknownOutcome(err)
	case !ofDisk(lite.ErrCode(err)):
		err = errs.Wrapf(err, errs.Unavailable, "the write could not be committed: nothing was written")
	}
	w.answer(err)
}

// undone reports whether a transaction whose COMMIT failed has certainly left nothing. SQLite has rolled it back, and no
// reader sees it. But if its last frame is in the log, a recovery after a crash would take it for committed. SQLite writes
// that frame last: it is not there if a write failed, and may be there if a sync failed. A later transaction overwrites the
// frames.
func (w *writer) undone(err error) bool {
	if !w.lost() {
		return w.conn.control("ROLLBACK") == nil
	}
	switch lite.ErrCode(err) {
	case lite.ResultFull, lite.ResultIOErrWrite:
		return true
	}
	if !w.reopen() || w.conn.control("BEGIN IMMEDIATE") != nil {
		return false
	}
	if _, err := w.conn.exec(overwrite, nil); err != nil {
		w.rollback()
		return false
	}
	return w.conn.control("COMMIT") == nil
}

// answer gives every job of the group its result, or err if there is one.
func (w *writer) answer(err error) {
	w.jobs.ran(w.group, w.began)
	for i, job := range w.group {
		if err != nil {
			job.answer <- err
		} else {
			job.answer <- job.err
		}
		w.group[i] = nil
	}
	w.group = w.group[:0]
}

// rollback rolls back what is left of a transaction. If that fails, it replaces the connection.
func (w *writer) rollback() {
	w.others.writing.Store(false)
	if w.lost() {
		return
	}
	if err := w.conn.control("ROLLBACK"); err != nil {
		w.log.Error("a transaction cannot be rolled back", "error", err)
		w.reopen()
	}
}

// reopen replaces the connection and reports whether it could. Closing the old one undoes what it had not committed.
func (w *writer) reopen() bool {
	if w.conn != nil {
		if err := w.conn.close(); err != nil {
			w.log.Error("the writer's connection cannot be closed", "error", err)
		}
	}
	open := openWriter
	if w.sweeps {
		open = openSweeper
	}
	c, err := open(w.path, w.cfg)
	if err != nil {
		w.outage.Failed(fmt.Errorf("the database cannot be opened again: %w", err))
		w.conn = nil
		return false
	}
	c.outage = w.outage
	w.conn = c
	w.tally.opened.Add(1)
	return true
}

// closeConn moves the log into the database and closes. The writer has stopped.
func (w *writer) closeConn() error {
	w.endLag()
	w.using.Lock()
	defer w.using.Unlock()
	if w.conn == nil {
		return nil
	}
	_, err := pragmaText(w.conn.raw, "wal_checkpoint(TRUNCATE)")
	if ofDisk(lite.ErrCode(err)) { // nothing is lost: the log stays, and the next start moves it
		w.log.Warn("the disk had no room to move the log into the database: it stays beside it, and belongs to it", "database", w.path, "error", err)
		err = nil
	}
	err = errors.Join(err, w.conn.close())
	w.conn = nil
	return err
}
