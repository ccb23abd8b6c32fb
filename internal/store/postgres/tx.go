package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// tx is a transaction as its function sees it.
//
// PostgreSQL ends a transaction with the first statement that a constraint refuses, unless there is a savepoint before it.
// Savepoints cost each write a little, and few writes need them. So a function first runs without. If it goes on after a
// refusal, it runs again from the start, with a savepoint before each statement.
type tx struct {
	db            *DB
	s             *session
	useSavepoints bool
	begun         bool
	over          bool
	touched       []string
	guard         guard

	constraintFailed bool  // a constraint refused a statement without a savepoint
	usedAfterFailure bool  // the function went on after that
	txErr            error // error that ended the transaction
}

var (
	errRefused = errors.New("the transaction ended with a refusal; its function is run again")
)

// Query implements store.Reader.
func (t *tx) Query(sql string, args []value.Value, row func(value.Row) error) error {
	_, err := t.run(sql, args, false, row)
	return err
}

// Exec implements store.Tx.
func (t *tx) Exec(sql string, args []value.Value) (int64, error) {
	return t.run(sql, args, false, func(value.Row) error { return nil })
}

// ExecDeferred implements store.Tx.
func (t *tx) ExecDeferred(sql string, args []value.Value) (int64, error) {
	return t.run(sql, args, true, func(value.Row) error { return nil })
}

func (t *tx) run(sql string, args []value.Value, deferred bool, row func(value.Row) error) (int64, error) {
	switch {
	case t.over:
		return 0, engine.UsedAfterReturn()
	case t.txErr != nil:
		return 0, translate(context.Background(), t.txErr)
	case t.constraintFailed:
		t.usedAfterFailure = true
		return 0, engine.Internal(errRefused)
	case t.guard.refused != nil:
		return 0, t.guard.refused
	case endsTransaction(sql):
		return 0, engine.EndsTransaction(sql)
	}
	var rowErr error
	changed, err := t.s.query(sql, args, t.envelope(deferred), func(v value.Row) error {
		rowErr = row(v)
		return rowErr
	})
	if t.guard.refused != nil {
		return 0, t.guard.refused
	}
	if err == nil || (rowErr != nil && t.s.failed == nil && errors.Is(err, rowErr)) {
		return changed, err
	}
	return 0, t.failed(err)
}

// Guard implements store.Reader.
func (t *tx) Guard(step store.Step) {
	if err := t.guard.settle(t.Query); err == nil {
		t.guard = newGuard(step)
	}
}

// ExecThenQuery implements store.Tx. It sends both statements in one packet, unless one has to be prepared or needs a
// savepoint.
func (t *tx) ExecThenQuery(change, read store.Statement, row func(value.Row) error) error {
	first, second := t.s.c.statements.get(change.SQL), t.s.c.statements.get(read.SQL)
	prepared := first != nil && second != nil
	usable := !t.over && !t.constraintFailed && t.txErr == nil
	plain := t.s.current == nil && !t.useSavepoints && !t.guard.waits && t.guard.refused == nil
	if !prepared || !usable || !plain {
		return store.ExecThenQuery(t, change, read, row)
	}
	var rowErr error
	err := t.s.pair(t.opening(), first, second, change.Args, read.Args, func(v value.Row) error {
		rowErr = row(v)
		return rowErr
	})
	if err == nil || (rowErr != nil && t.s.failed == nil && errors.Is(err, rowErr)) {
		return err
	}
	return t.failed(err)
}

// envelope returns what is sent with a statement: BEGIN with the first one, a savepoint, and with a deferred one the order
// to check references only at its end. A deletion may reach a row both by a cascade and by a reference that restricts. With
// that order both engines delete the row, however its constraints are ordered.
func (t *tx) envelope(deferred bool) envelope {
	env := envelope{guard: &t.guard}
	env.before = append(env.before, t.opening()...)
	if t.useSavepoints {
		env.before = append(env.before, savepoint)
	}
	if deferred {
		env.before = append(env.before, deferChecks)
		env.after = append(env.after, check)
	}
	if t.useSavepoints {
		env.after = append(env.after, release)
	}
	return env
}

// FinalStatement implements store.Reader. A transaction ends after its function, not with a statement.
func (*tx) FinalStatement() {}

// Outside implements store.Reader, as the reader's does.
func (*tx) Outside() (n int64, known bool) { return 0, true }

// opening returns the statements that begin the transaction, once.
func (t *tx) opening() []string {
	if t.begun {
		return nil
	}
	t.begun = true
	return t.s.c.opening
}

// endsTransaction reports whether a statement begins, ends or nests transactions.
func endsTransaction(sql string) bool {
	switch engine.FirstWord(sql) {
	case "BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PREPARE":
		return true
	}
	return false
}

// failed notes what an error means for the transaction, and returns it as the function sees it.
func (t *tx) failed(err error) error {
	if t.s.failed != nil || classOf(err) != constraint {
		if t.txErr == nil {
			t.txErr = err
		}
		return translate(context.Background(), err)
	}
	refusal := constraintError(err)
	if t.useSavepoints {
		if err := t.s.run(rollbackTo, release); err != nil {
			t.txErr = err
			return translate(context.Background(), err)
		}
	} else {
		t.constraintFailed = true
	}
	if refusal.Constraint == store.Unique {
		if err := t.db.resolve(refusal); err != nil {
			t.txErr = err
			return translate(context.Background(), err)
		}
	}
	return refusal
}

// rollback undoes the transaction. If that fails, it gives the connection up.
func (t *tx) rollback() {
	if !t.begun || t.s.failed != nil {
		if t.begun {
			discard(t.s.c)
		}
		return
	}
	if err := t.s.run(rollback); err != nil {
		discard(t.s.c)
	}
}

// sendCommit moves the generations and commits, in one packet. done reports whether the server did commit, and unsent that
// COMMIT was never sent.
func (t *tx) sendCommit() (done, unsent bool, err error) {
	if len(t.touched) == 0 && !t.begun {
		return true, true, nil
	}
	move, args, before, err := t.prepareMove(t.opening())
	if err != nil {
		return false, true, err
	}
	skip := len(before)
	t.s.send(before...)
	if move != nil {
		skip++
		if err := t.s.bindAndSend(move, args); err != nil {
			return false, true, err
		}
	}
	t.s.send(commit)
	if err := t.s.push(); err != nil {
		return false, false, t.s.fail(err)
	}
	if err := t.s.skip(skip); err != nil {
		return false, false, err
	}
	rr, err := t.s.next()
	if err != nil {
		return false, false, err
	}
	tag, err := rr.Close()
	if err != nil {
		return false, false, t.s.fail(err)
	}
	return tag.String() == commit, false, t.s.settle()
}

// MarkChanged implements store.Tx.
func (t *tx) MarkChanged(tables ...string) { t.touched = engine.AddTables(t.touched, tables...) }

// Generation implements store.Reader. For a table that this transaction has touched, it returns a number that nobody ever
// gets again: nobody else may rely on rows that are not committed yet.
func (t *tx) Generation(table string) (n int64, err error) {
	if slices.Contains(t.touched, table) && !t.over {
		return t.db.unrepeated.Add(-1), nil
	}
	return t.one(selectGeneration, value.OfText(table))
}

func (t *tx) one(sql string, args ...value.Value) (n int64, err error) {
	err = t.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
