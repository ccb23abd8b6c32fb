package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// ready opens the file if it is not open, or is not the one that was opened. It returns why there is none. The caller holds
// a.mu.
func (a *Archive) ready() error {
	if a.closed {
		return errClosed
	}
	if a.file != nil {
		info, err := os.Stat(a.path)
		if err == nil && os.SameFile(info, a.file.info) {
			return nil
		}
		a.cfg.Logger.Warn("the telemetry database was removed: a new one is begun", "file", a.path)
		a.abandon(errors.New("the telemetry database was removed"))
	} else if a.reason != nil && a.cfg.Now().Before(a.next) && a.next.Sub(a.cfg.Now()) <= retryEvery {
		return a.reason
	}
	return a.open()
}

// open opens the file. The caller holds a.mu.
func (a *Archive) open() error {
	f, aside, err := openFile(a.path, a.cfg.Size)
	if aside != nil {
		a.cfg.Logger.Warn("the telemetry database could not be used: it was moved aside, and a new one is begun",
			"file", a.path, "moved_to", aside.to, "error", aside.why)
	}
	if err == nil {
		if err = a.begin(f); err != nil {
			err = errors.Join(err, f.close())
		}
	}
	if err != nil {
		a.next = a.cfg.Now().Add(retryEvery)
		a.show(nil, err)
		return err
	}
	a.file = f
	a.show(f, nil)
	return nil
}

const (
	insertProcess = `INSERT INTO processes (node, build, revision, started) VALUES (?1, ?2, ?3, ?4) RETURNING id`
	trimProcesses = `DELETE FROM processes WHERE id <= (SELECT max(id) - 10000 FROM processes)`
	newestKey     = `SELECT max(coalesce((SELECT max(key) FROM healthy), 0), coalesce((SELECT max(key) FROM kept), 0))`
)

// begin reads what the writer must know of a file, and notes this process in it.
func (a *Archive) begin(f *file) (err error) {
	if err := a.errors.load(f.writer); err != nil {
		return err
	}
	if err := a.tiers.load(f.writer); err != nil {
		return err
	}
	if a.last, err = numberOf(f.writer, newestKey); err != nil {
		return err
	}
	p := a.cfg.Process
	return f.write(func(tx *transaction) (err error) {
		if !a.started {
			if err := a.noteStart(tx); err != nil {
				return err
			}
			tx.committed = append(tx.committed, func() { a.started = true })
		}
		f.process, err = numberOf(tx.conn, insertProcess, p.Node, p.Build, p.Revision, p.Started.UnixMicro())
		if err != nil {
			return err
		}
		return tx.run(trimProcesses)
	})
}

// show gives readers a file, or the reason why there is none.
func (a *Archive) show(f *file, reason error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	a.shown, a.reason = f, reason
}

// leave closes the file. The caller holds a.mu.
func (a *Archive) leave(reason error) error {
	a.show(nil, reason)
	f := a.file
	if f == nil {
		return nil
	}
	a.file = nil
	return f.close()
}

// abandon closes a file that is of no use. Errors of closing it tell nothing new.
func (a *Archive) abandon(reason error) {
	if err := a.leave(reason); err != nil {
		a.cfg.Logger.Debug("closing the telemetry database failed", "error", err)
	}
	a.next = time.Time{}
}

// Flush writes what waits. Run does so within a quarter of a second.
func (a *Archive) Flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	content, lost := a.queue.take()
	defer a.queue.giveBack(content)
	a.health.overflowed(lost)
	for items, bodies := content.items, content.bodies; len(items) > 0; {
		n, size := a.portion(items)
		a.try(int64(n), func() error { return a.writeRecords(items[:n], bodies[:size]) })
		items, bodies = items[n:], bodies[size:]
	}
	for jobs := content.jobs; len(jobs) > 0; {
		n, size := 1, jobs[0].size
		for n < len(jobs) && n < batch && size+jobs[n].size <= limitsOf(a.cfg.Size).batch {
			size += jobs[n].size
			n++
		}
		if !a.try(int64(n), func() error { return a.writeJobs(jobs[:n]) }) {
			a.keep(jobs[:n])
		}
		jobs = jobs[n:]
	}
}

// portion returns how many of the items fit into a batch, and their bytes.
func (a *Archive) portion(items []item) (n, size int) {
	limit := limitsOf(a.cfg.Size).batch
	for n < len(items) && n < batch && (n == 0 || size+int(items[n].size) <= limit) {
		size += int(items[n].size)
		n++
	}
	return n, size
}

// try runs a write, and reports whether it succeeded. If it fails, what it would have written is lost. The caller holds a.mu.
func (a *Archive) try(count int64, write func() error) bool {
	err := a.attempt(write)
	if err == nil {
		a.health.succeeded()
		if kept := a.kept; len(kept) > 0 && a.attempt(func() error { return a.writeJobs(kept) }) == nil {
			a.kept = nil
		}
		return true
	}
	a.queue.dropped.Add(count)
	a.health.failed(err, count)
	return false
}

// maxKept bounds the events that wait until they can be written.
const maxKept = 100

// keep lets events wait that could not be written. The caller holds a.mu.
func (a *Archive) keep(jobs []job) {
	for _, j := range jobs {
		if j.keep && !a.closed && len(a.kept) < maxKept {
			a.kept = append(a.kept, j)
			a.queue.dropped.Add(-1)
		}
	}
}

// attempt runs a write with room for it.
func (a *Archive) attempt(write func() error) error {
	if err := a.ready(); err != nil {
		return err
	}
	guarded := func() error { return background.Guard("the telemetry database", write) }
	err := a.makeRoom()
	if err == nil {
		err = guarded()
	}
	if err == nil {
		return nil
	}
	a.recover(err)
	return err
}

// recover makes the file usable again after an error. The caller holds a.mu.
func (a *Archive) recover(err error) {
	_, panicked := errors.AsType[*background.PanicError](err)
	switch code := lite.ErrCode(err).ToPrimary(); {
	case unusable(err) != nil:
		a.abandon(err)
		to, moveErr := moveAside(a.path)
		a.cfg.Logger.Warn("the telemetry database is damaged: it was moved aside, and a new one is begun", "file", a.path, "moved_to", to,
			"error", errors.Join(err, moveErr))
	case panicked, code == lite.ResultIOErr, code == lite.ResultCantOpen, code == lite.ResultReadOnly, code == lite.ResultMisuse:
		a.abandon(err) // the next write opens it again
		a.next = a.cfg.Now().Add(time.Second)
	}
}

const (
	insertHealthy = `INSERT INTO healthy (key, body) VALUES (?1, ?2)`
	insertKept    = `INSERT INTO kept (key, body) VALUES (?1, ?2)`
)

// writeRecords writes records in one transaction.
func (a *Archive) writeRecords(items []item, bodies []byte) error {
	var news []ErrorGroup
	err := a.file.write(func(tx *transaction) (err error) {
		var row []byte
		last := a.last
		for _, it := range items {
			last = keyOf(it.end, last)
			row = binary.AppendUvarint(row[:0], uint64(a.file.process))
			row = append(row, bodies[:it.size]...)
			bodies = bodies[it.size:]
			sql, table := insertHealthy, tableHealthy
			if it.kept {
				sql, table = insertKept, tableKept
			}
			a.fresh.add(table, a.cfg.Now(), len(row))
			if err := tx.run(sql, last, row); err != nil {
				return err
			}
		}
		tx.committed = append(tx.committed, func() { a.last = last })
		news, err = a.countFailures(tx, items)
		return err
	})
	if err != nil {
		return err
	}
	a.written.Add(int64(len(items)))
	a.announce(news)
	return nil
}

// announce reports new groups of errors.
func (a *Archive) announce(news []ErrorGroup) {
	for _, group := range news {
		a.PutEvent(Event{At: group.First, Kind: EventError, Text: fmt.Sprintf("new error on %s: %s", group.Route, errs.Clip(orElse(group.Text, group.Kind), 120)), Details: fmt.Sprint(group.ID)})
		if a.cfg.OnError == nil {
			continue
		}
		err := background.Guard("what hears of new errors", func() error {
			a.cfg.OnError(group)
			return nil
		})
		if err != nil {
			a.cfg.Logger.Error("reporting a new error failed", "error", err)
		}
	}
}

func (a *Archive) writeJobs(jobs []job) error {
	return a.file.write(func(tx *transaction) error {
		for _, j := range jobs {
			if err := j.run(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// now writes something before it returns. It is for what a person does, such as a note.
func (a *Archive) now(ctx context.Context, work func(*transaction) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.attempt(func() error { return a.file.write(work) })
	if err != nil {
		if _, ok := errors.AsType[*errs.Error](err); ok {
			return err
		}
		return unavailable(err)
	}
	return nil
}

func unavailable(err error) error {
	return errs.Wrapf(err, errs.Unavailable, "telemetry cannot be read or written now")
}

// The key of a record is the time of its end in microseconds since 1970, and ten more bits that tell apart records of the
// same microsecond.
const keyBits = 10

// backStep is how far the time of a record may lie before the one written last. Requests that end at once reach the queue in
// any order, and readers that follow the log must not miss one: its key becomes the next one. A larger step is a clock that
// was set back.
const backStep = time.Second

// keyOf returns the key of a record that ended at that time, after one with the key last.
func keyOf(end, last int64) int64 {
	key := end << keyBits
	if key <= last && last-key < backStep.Microseconds()<<keyBits {
		return last + 1
	}
	return key
}

// timeOf returns the time of a key.
func timeOf(key int64) time.Time { return time.UnixMicro(key >> keyBits) }

// keyAt returns the first key of a time.
func keyAt(at time.Time) int64 { return at.UnixMicro() << keyBits }

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
