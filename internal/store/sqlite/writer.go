package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// writer runs functions and scripts, one after another on one connection, and commits them in groups. A group takes in
// every job that waits when its transaction begins, or that comes while the group runs. Each job can be undone without the
// others. All are answered after the one sync of the commit. A job that comes alone is committed at once.
type writer struct {
	path string
	cfg  Config
	log  *slog.Logger

	mu       sync.RWMutex // held shared to enqueue, exclusively to stop
	stopping bool
	queue    chan *job // closed by stop

	timers engine.Timers

	outage  *engine.Outage
	commits *commits
	spare   engine.Revisions
	giveUp  atomic.Pointer[time.Time] // set by stop: what is queued after this is refused
	stopped chan struct{}             // closed when the last job has been answered

	others *others
	passed chan *job  // of one element: a job that ended a group, and that the writer's goroutine runs next
	using  sync.Mutex // held by whoever uses what follows: the writer's goroutine, a caller that leads, look for a moment

	conn       *conn       // nil where it could not be reopened
	leads      bool        // the goroutine of a caller runs the group, which takes in only scripts
	sweeps     bool        // conn is one that does not follow references, for as long as a sweep goes on
	group      []*job      // of the transaction under way, unanswered
	touched    []string    // tables of the functions of the group that succeeded
	unrepeated int64       // see tx.Generation
	reserved   engine.Span // revisions that the transaction under way has reserved
}

func openWriter(path string, cfg Config) (*conn, error) {
	return openConn(path, cfg, writerPragmas(cfg.Durability)...)
}

// openSweeper opens a connection that does not follow references. A row of a chain of 300 costs 57 µs where SQLite follows
// them, one of 900 costs 80 µs, and behind 1,000 it is an error; by a statement for each table one costs 2 to 5 µs.
func openSweeper(path string, cfg Config) (*conn, error) {
	c, err := openConn(path, cfg, append(writerPragmas(cfg.Durability), "temp_store = MEMORY")...)
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

func startWriter(path string, cfg Config, first *conn, commits *commits, outage *engine.Outage, others *others) *writer {
	first.outage = outage
	w := &writer{
		path: path, cfg: cfg, log: cfg.Logger, conn: first, commits: commits, outage: outage, others: others,
		queue: make(chan *job, cfg.Queue), passed: make(chan *job, 1), stopped: make(chan struct{}),
	}
	w.lookNow()
	others.commits.Store(0)
	others.look = w.look
	w.start()
	return w
}

// stop refuses new jobs and waits for those that are queued: until the deadline, and then for the function under way,
// which has its own.
func (w *writer) stop(deadline time.Time) error {
	if !w.beginStop(deadline) {
		return engine.Closed()
	}
	timer := time.NewTimer(time.Until(deadline) + w.cfg.WriteTimeout)
	defer timer.Stop()
	select {
	case <-w.stopped:
		return nil
	case <-timer.C:
		return errs.New(errs.Unavailable, "a write was still running when the database was closed")
	}
}

// beginStop says whether it was the first to stop the writer.
func (w *writer) beginStop(deadline time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return false
	}
	w.stopping = true
	w.giveUp.Store(&deadline)
	close(w.queue)
	return true
}

// closeConn moves the log into the database and closes. The writer has stopped.
func (w *writer) closeConn() error {
	w.using.Lock()
	defer w.using.Unlock()
	if w.conn == nil {
		return nil
	}
	_, err := pragmaText(w.conn.raw, "wal_checkpoint(TRUNCATE)")
	if ofDisk(lite.ErrCode(err)) { // nothing is lost: the log stays as it is, and is moved later
		w.log.Warn("the disk had no room to move the log into the database: it stays beside it, and belongs to it", "database", w.path, "error", err)
		err = nil
	}
	err = errors.Join(err, w.conn.close())
	w.conn = nil
	return err
}

// start starts the writer's goroutine, and starts it again if a job crashed it.
func (w *writer) start() {
	background.Go("the writer", w.work, func(err error) {
		if err == nil {
			close(w.stopped)
			return
		}
		w.using.Lock()
		w.crashed(err)
		w.using.Unlock()
		w.start()
	})
}

// work runs jobs until the queue is closed.
func (w *writer) work() error {
	for j := w.wait(); j != nil; j = w.wait() {
		w.handle(j)
	}
	return nil
}

// wait returns the next job: one that ended a group, or one from the queue. It returns nil when the queue is closed.
func (w *writer) wait() *job {
	select {
	case j := <-w.passed:
		return j
	default:
	}
	select {
	case j := <-w.passed:
		return j
	case j, open := <-w.queue:
		if open {
			return j
		}
	}
	w.using.Lock() // a caller that still leads may pass a job on
	defer w.using.Unlock()
	select {
	case j := <-w.passed:
		return j
	default:
		return nil
	}
}

// lead runs a script, and those that come while it runs, on the goroutine of its caller, and answers them. It does so only
// if the writer is idle, and says whether it did. The way to the writer's goroutine and back takes longer than the
// statements of a small write.
func (w *writer) lead(j *job) bool {
	if !w.claim() {
		return false
	}
	defer w.using.Unlock()
	defer func() { w.leads = false }()
	w.leads = true
	err := background.Guard("the writer", func() error {
		if w.admit(j) {
			w.run(j)
		}
		return nil
	})
	if err != nil {
		w.crashed(err)
	}
	return true
}

// claim locks the connection if nobody uses it and no job waits for it.
func (w *writer) claim() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return !w.stopping && len(w.queue) == 0 && len(w.passed) == 0 && w.using.TryLock()
}

// crashed answers the group of a writer that came to a defect of its own.
func (w *writer) crashed(err error) {
	w.log.Error("the writer panicked and starts again", "error", err)
	w.reopen()
	w.answer(engine.UnknownOutcome(err))
}

// handle runs a job on the writer's goroutine.
func (w *writer) handle(first *job) {
	if !w.admit(first) {
		return
	}
	w.using.Lock()
	defer w.using.Unlock()
	w.run(first)
}

// run runs a job, and those that come while it runs, as one transaction. If the transaction is lost, run runs each job again
// in one of its own.
func (w *writer) run(first *job) {
	if first.sweeps {
		w.sweep(first)
		return
	}
	if err := w.begin(); err != nil {
		w.refuse(first, err)
		return
	}
	if w.fill(first) && len(w.group) > 0 && w.finish() == nil {
		w.commit()
		return
	}
	w.rollback()
	w.runAlone()
}

// admit says whether a job is to be run, and answers it where it is not.
func (w *writer) admit(j *job) bool {
	if deadline := w.giveUp.Load(); deadline != nil && time.Now().After(*deadline) {
		if j.state.CompareAndSwap(waiting, skipped) {
			j.answer <- engine.Closed()
		}
		return false
	}
	return j.start()
}

func (w *writer) begin() error {
	if w.conn == nil && !w.reopen() {
		return errs.New(errs.Unavailable, "the database cannot be reached: nothing was written")
	}
	w.touched, w.reserved = w.touched[:0], engine.Span{}
	if err := w.conn.control("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.lookNow()
	return nil
}

// refuse answers the job, and those that wait behind it, where no transaction can be begun: another process has held
// the lock for the whole busy timeout, or the disk fails. Each trying for itself would make the last wait for hours.
func (w *writer) refuse(first *job, err error) {
	if w.conn != nil && lite.ErrCode(err).ToPrimary() != lite.ResultBusy {
		w.reopen()
	}
	first.answer <- err
	for range len(w.queue) {
		if j, ok := <-w.queue; ok && j.start() {
			j.answer <- err
		}
	}
}

// fill runs the jobs of one transaction and says whether it is whole.
func (w *writer) fill(first *job) bool {
	closing := time.Now().Add(w.cfg.GroupTime)
	for j := first; j != nil; j = w.next(closing) {
		w.group = append(w.group, j)
		if !w.runInGroup(j) {
			return false
		}
		if j.err == errRefused { // at once, so that its function can still join the group
			w.group = w.group[:len(w.group)-1]
			j.answer <- errRefused
		}
	}
	return true
}

// runInGroup runs one job of a group, undoes only that job if it fails, and says whether there is still a transaction. The
// first script needs no savepoint: if it fails, the transaction holds nothing else, and the writer begins another.
func (w *writer) runInGroup(j *job) bool {
	if j.script == nil || len(w.group) > 1 {
		return w.runInSavepoint(j)
	}
	touched := w.call(j)
	switch {
	case w.lost():
		return false
	case j.err != nil:
		w.rollback()
		return w.begin() == nil
	}
	w.touch(touched)
	return true
}

// next returns a job that waits, or nil if none waits or the group is full. A group of several yields the processor once, so
// that handlers that are ready to run can still join. With 32 clients that saves one sync in six.
func (w *writer) next(closing time.Time) *job {
	yielded := false
	for len(w.group) < w.cfg.GroupSize && len(w.passed) == 0 && time.Now().Before(closing) {
		select {
		case j, open := <-w.queue:
			if !open {
				return nil
			}
			if j.sweeps || w.leads && j.script == nil {
				w.passed <- j
				return nil
			}
			if w.admit(j) {
				return j
			}
		default:
			if yielded || len(w.group) < 2 {
				return nil
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return nil
}

// runInSavepoint runs one job of a group in a savepoint of its own. It says whether the transaction still exists.
func (w *writer) runInSavepoint(j *job) bool {
	if err := w.conn.control("SAVEPOINT f"); err != nil {
		return false
	}
	before := w.reserved
	touched := w.call(j)
	if w.lost() {
		return false
	}
	if j.err != nil {
		w.reserved = before // what the function reserved is undone with it
		return w.conn.control("ROLLBACK TO f") == nil && w.conn.control("RELEASE f") == nil
	}
	w.touch(touched)
	return w.conn.control("RELEASE f") == nil
}

// lost says whether the transaction is gone: SQLite undoes the whole of it after an interruption, a full disk and more.
func (w *writer) lost() bool { return w.conn.raw.AutocommitEnabled() }

// call runs the function or the script of a job under its deadline. It returns the tables that the job touched.
func (w *writer) call(j *job) (touched []string) {
	w.conn.watch.Begin(context.Background(), time.Now().Add(w.cfg.WriteTimeout))
	if j.script != nil {
		j.err, touched = w.conn.runScript(j.script), j.script.Tables
	} else {
		t := &tx{w: w}
		j.err = guarded(j, t)
		t.over = true
		touched = t.touched
	}
	if cause := w.conn.watch.End(); cause != nil && (j.err != nil || w.lost()) {
		j.err, j.final = errs.Wrapf(j.err, errs.Unavailable, "the write took too long"), true
	}
	return touched
}

func guarded(j *job, t *tx) error {
	return background.Guard("a transaction", func() error { return j.run(t) })
}

func (w *writer) touch(tables []string) { w.touched = engine.AddTables(w.touched, tables...) }

func (w *writer) isTouched(table string, own []string) bool {
	return slices.Contains(w.touched, table) || slices.Contains(own, table)
}

const moveGeneration = `INSERT INTO ashlar_generations ("table", generation) VALUES (?1, 1)
ON CONFLICT ("table") DO UPDATE SET generation = generation + 1`

// finish does what the jobs of a transaction have left to the writer. After an error the transaction has to be rolled back.
func (w *writer) finish() error {
	if slices.ContainsFunc(w.group, func(j *job) bool { return j.script != nil }) && w.spare.StartRefill(fewRevisions) {
		defer w.spare.EndRefill()
		if err := w.reserve(); err != nil {
			return err
		}
	}
	return w.moveGenerations()
}

// moveGenerations moves them for the tables that the transaction touched.
func (w *writer) moveGenerations() error {
	for _, table := range w.touched {
		if _, err := w.conn.exec(moveGeneration, []value.Value{value.OfText(table)}); err != nil {
			return err
		}
	}
	return nil
}

// commit ends the transaction and answers every job in it, those that failed too: what they ran into may be a row of
// a neighbour.
func (w *writer) commit() {
	w.commits.count.Add(1)
	err := w.conn.control("COMMIT")
	w.commits.count.Add(1)
	if err == nil {
		w.spare.Add(w.reserved)
		w.answer(nil)
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

// undone says whether it is known that nothing of a transaction remains whose COMMIT failed. SQLite has rolled it back,
// and no reader sees it. But where its last frame is in the log, a recovery after a crash would take it for committed.
// The frame is written last: when a write failed it is not there, when a sync failed it may be. A later transaction
// overwrites the frames.
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

// answer tells every job of the group what it came to, or err where there is one.
func (w *writer) answer(err error) {
	for i, j := range w.group {
		if err != nil {
			j.answer <- err
		} else {
			j.answer <- j.err
		}
		w.group[i] = nil
	}
	w.group = w.group[:0]
}

// rollback gets rid of what is left of a transaction, and of the connection where that fails.
func (w *writer) rollback() {
	if w.lost() {
		return
	}
	if err := w.conn.control("ROLLBACK"); err != nil {
		w.log.Error("a transaction cannot be rolled back", "error", err)
		w.reopen()
	}
}

// runAlone runs each job of a lost transaction again, in one of its own. A job that took too long is not repeated: it would
// take as long again, while everybody waits.
func (w *writer) runAlone() {
	jobs := slices.Clone(w.group)
	w.group = w.group[:0]
	for _, j := range jobs {
		w.group = append(w.group, j)
		if !j.final {
			j.err = nil
			w.runInTransaction(j)
			continue
		}
		w.answer(nil)
	}
}

// runInTransaction runs the one job of the group, and answers it.
func (w *writer) runInTransaction(j *job) {
	if err := w.begin(); err != nil {
		w.answer(err)
		return
	}
	w.touch(w.call(j))
	if j.err == nil && w.lost() {
		j.err = engine.Internal(errors.New("the transaction ended inside its function, which did not say why"))
	}
	if j.err == nil {
		j.err = w.finish()
	}
	if j.err == nil {
		w.commit()
		return
	}
	w.rollback()
	w.answer(nil)
}

// sweep runs a function alone, on a connection of its own that does not follow references. Opening it takes about a
// millisecond.
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
	w.lookNow() // the last one of the usual connection before the sweep commits
	w.conn, w.sweeps = c, true
	defer func() { // also where the writer panics: closing undoes what is not committed, so that others can write
		if usual != nil { // its number moves with the commit of the sweep: that of the sweep tells what others did meanwhile
			usual.version = usual.dataVersion()
			w.lookNow()
		}
		if w.conn != nil {
			if err := w.conn.close(); err != nil {
				w.log.Error("the connection of a sweep cannot be closed", "error", err)
			}
		}
		w.conn, w.sweeps = usual, false
	}()
	w.group = append(w.group, j)
	w.runInTransaction(j)
}

// reopen replaces the connection, and says whether it could. Closing the old one undoes what it had not committed.
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
	return true
}
