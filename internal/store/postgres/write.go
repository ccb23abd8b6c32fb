package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Write runs f in a transaction. It is run again where another transaction was in the way, and where the connection was
// lost before COMMIT was sent; never after that.
func (db *DB) Write(ctx context.Context, f func(store.Tx) error) error {
	if err := db.writers.enter(); err != nil {
		return err
	}
	defer db.writers.leave()
	if err := db.writers.wait(ctx); err != nil {
		return err
	}
	defer db.writers.done()
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline := time.Now().Add(db.cfg.WriteTimeout)
	careful := false
	for try := 1; ; try++ {
		end := db.attempt(deadline, f, careful)
		switch {
		case end.next == finished:
			return db.wrote(end.err)
		case end.next == carefully:
			careful = true
		case try == maxTries || !pause(deadline, try):
			return translate(context.Background(), end.err)
		}
	}
}

// maxTries bounds how often a function is run. With the pauses between them they take about a second.
const maxTries = 16

// pause waits a little before the next try: longer each time, and not as long as others who wait for the same. It says
// whether there is still time.
func pause(deadline time.Time, try int) bool {
	time.Sleep(rand.N(min(time.Millisecond<<min(try, 8), 100*time.Millisecond)))
	return time.Now().Before(deadline)
}

// end is how a run of a function ended.
type end struct {
	err  error
	next next
}

// next is what is to be done after a run.
type next uint8

const (
	finished  next = iota
	carefully      // run it again, with a savepoint before each statement: it goes on after a constraint refused one
	retry          // run it again
)

// attempt runs f once. Nothing of the caller's cuts short what has begun.
func (db *DB) attempt(deadline time.Time, f func(store.Tx) error, careful bool) end {
	c, err := db.writers.take(context.Background(), deadline)
	if err != nil {
		return end{err: err}
	}
	t := &tx{db: db, s: newSession(c, true), careful: careful}
	closed := false
	defer func() { // also where f ended its goroutine, as t.FailNow does
		if !closed {
			t.s.end()
			discard(c)
			db.writers.give(c)
		}
	}()
	ended := t.outcome(guarded(f, t))
	t.s.end()
	closed = true
	db.writers.give(c)
	return ended
}

func guarded(f func(store.Tx) error, t *tx) error {
	defer func() { t.over = true }()
	return background.Guard("a transaction", func() error { return f(t) })
}

// outcome ends the transaction after its function returned err.
func (t *tx) outcome(err error) end {
	switch {
	case t.broken != nil:
		return t.giveUp()
	case t.refused && (t.usedAfter || err == nil):
		t.rollback()
		return end{next: carefully}
	case err != nil:
		t.rollback()
		return end{err: err}
	}
	return t.commit()
}

// giveUp ends a transaction that an error has ended already.
func (t *tx) giveUp() end {
	t.rollback()
	switch fateOf(t.broken) {
	case again:
		return end{t.broken, retry}
	case gone, outdated:
		discard(t.s.c)
		return end{t.broken, retry}
	case standby:
		t.db.writers.raw.Reset() // their other connections lead there as well
		t.db.groups.raw.Reset()
		return end{t.broken, retry}
	}
	return end{err: translate(context.Background(), t.broken)}
}

var errRolledBack = errors.New("the server rolled back what was to be committed")

// commit commits. Whatever is not a refusal of the server leaves open whether it was done.
func (t *tx) commit() end {
	done, unsent, err := t.sendCommit()
	switch {
	case err == nil && done:
		return end{}
	case err == nil:
		return end{err: engine.Internal(errRolledBack)}
	case unsent:
		t.broken = err
		return t.giveUp()
	case t.s.failed != nil:
		discard(t.s.c)
		return end{err: engine.UnknownOutcome(err)}
	}
	switch fateOf(err) {
	case again:
		t.rollback()
		return end{err, retry}
	case gone: // the server ends connections with a message, perhaps after it has committed
		discard(t.s.c)
		return end{err: engine.UnknownOutcome(err)}
	}
	t.rollback()
	return end{err: translate(context.Background(), err)}
}
