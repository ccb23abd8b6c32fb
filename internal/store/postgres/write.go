package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Write implements store.DB. It runs f again if another transaction was in the way, or if the connection was lost before
// COMMIT was sent, but never after that.
func (db *DB) Write(ctx context.Context, f func(store.Tx) error) error {
	turn := admit.TurnOf(ctx) // to compute
	turn.Pause()
	defer turn.Resume()
	if err := db.writers.enter(); err != nil {
		return err
	}
	defer db.writers.leave()
	began := time.Now()
	wait, err := db.writers.wait(ctx)
	if err != nil {
		return err
	}
	defer db.writers.done(wait)
	db.tally.Began(time.Since(began))
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline := time.Now().Add(db.cfg.WriteTimeout)
	careful := false
	for try := 1; ; try++ {
		end := db.attempt(ctx, deadline, f, careful)
		db.tally.Ended(end.action == finished && end.err == nil)
		if end.action == retry {
			db.tally.conflicts.Add(1)
		}
		switch {
		case end.action == finished:
			return db.wrote(end.err)
		case end.action == retryWithSavepoints:
			careful = true
		case try == maxTries || !pause(deadline, try):
			return translate(context.Background(), end.err)
		}
	}
}

// maxTries bounds the runs of a function. With the pauses between them they take about a second.
const maxTries = 16

// pause waits a little before the next try: longer each time, and a random time, so that callers do not meet again. It
// reports whether there is still time.
func pause(deadline time.Time, try int) bool {
	time.Sleep(rand.N(min(time.Millisecond<<min(try, 8), 100*time.Millisecond)))
	return time.Now().Before(deadline)
}

// outcome is how a run of a function ended.
type outcome struct {
	err    error
	action nextAction
}

// nextAction says what to do after a run.
type nextAction uint8

const (
	finished            nextAction = iota
	retryWithSavepoints            // run it again, because it goes on after a refusal
	retry                          // run it again
)

// attempt runs f once. The context of the caller does not cut it short.
func (db *DB) attempt(ctx context.Context, deadline time.Time, f func(store.Tx) error, careful bool) outcome {
	c, err := db.writers.take(context.Background(), deadline)
	if err != nil {
		return outcome{err: err}
	}
	c.notes = telemetry.StatementsOf(ctx)
	t := &tx{db: db, s: newSession(c, true), useSavepoints: careful}
	closed := false
	defer func() { // also if f ends its goroutine, as t.FailNow does
		if !closed {
			t.s.end()
			discard(c)
			db.writers.give(c)
		}
	}()
	ended := t.end(guarded(f, t))
	t.s.end()
	closed = true
	db.writers.give(c)
	return ended
}

func guarded(f func(store.Tx) error, t *tx) error {
	defer func() { t.over = true }()
	return background.Guard("a transaction", func() error {
		if err := f(t); err != nil {
			return err
		}
		return t.guard.settle(t.Query)
	})
}

// end ends the transaction after its function returned err.
func (t *tx) end(err error) outcome {
	switch {
	case t.guard.refused != nil:
		t.rollback()
		return outcome{err: t.guard.refused}
	case t.txErr != nil:
		return t.giveUp()
	case t.constraintFailed && (t.usedAfterFailure || err == nil):
		t.rollback()
		return outcome{action: retryWithSavepoints}
	case err != nil:
		t.rollback()
		return outcome{err: err}
	}
	return t.commit()
}

// giveUp ends a transaction that an error has ended already.
func (t *tx) giveUp() outcome {
	t.rollback()
	switch classOf(t.txErr) {
	case contended:
		return outcome{t.txErr, retry}
	case lost, outdated:
		discard(t.s.c)
		return outcome{t.txErr, retry}
	case standby:
		t.db.writers.raw.Reset() // the other connections lead to the same server
		t.db.groups.raw.Reset()
		return outcome{t.txErr, retry}
	}
	return outcome{err: translate(context.Background(), t.txErr)}
}

var errRolledBack = errors.New("the server rolled back what was to be committed")

// commit commits. Unless the server refuses, an error leaves the outcome unknown.
func (t *tx) commit() outcome {
	began := t.s.c.clock()
	done, unsent, err := t.sendCommit()
	t.db.written.Add(t.touched)
	if !unsent {
		t.s.c.note(engine.Commit, began, 0)
	}
	switch {
	case err == nil && done:
		return outcome{}
	case err == nil:
		return outcome{err: engine.Internal(errRolledBack)}
	case unsent:
		t.txErr = err
		return t.giveUp()
	case t.s.failed != nil:
		discard(t.s.c)
		return outcome{err: engine.UnknownOutcome(err)}
	}
	switch classOf(err) {
	case contended:
		t.rollback()
		return outcome{err, retry}
	case lost: // the server may have committed before it ended the connection
		discard(t.s.c)
		return outcome{err: engine.UnknownOutcome(err)}
	}
	t.rollback()
	return outcome{err: translate(context.Background(), err)}
}
