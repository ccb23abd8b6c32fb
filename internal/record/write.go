package record

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A rowWrite is one write of a row with all its statements, built once. An engine runs it as a script, together with the
// writes of others. A function runs the same statements if it had to read first, and explains why a write was refused.
type rowWrite struct {
	table   *table
	checks  []store.Step     // run first, and each must find a row
	change  store.Statement  // writes the row
	after   *store.Statement // asks about the new row; nil if change answers by itself
	answer  func(value.Row) error
	effects Effects
}

// Effects are further statements in the transaction of a write. They are undone with it, and it is undone if one of them
// is refused.
type Effects struct {
	Steps  []store.Step
	Tables []string // tables that the steps write to
}

// effectsOf returns the effects of a write. Deletions have the revision 0.
func (r *request) effectsOf(t *table, op Op, id value.Value, revision int64) Effects {
	if r.db.effects == nil {
		return Effects{}
	}
	return r.db.effects(t.Table, op, id, revision)
}

// script returns the write as a script.
func (w *rowWrite) script(order string, apart bool) *store.Script {
	steps := append(make([]store.Step, 0, len(w.checks)+2+len(w.effects.Steps)), w.checks...)
	if w.after == nil {
		steps = append(steps, store.Step{Statement: w.change, Row: w.answer})
	} else {
		steps = append(steps, store.Step{Statement: w.change}, store.Step{Statement: *w.after, Row: w.answer})
	}
	return &store.Script{
		Steps: append(steps, w.effects.Steps...), Tables: append([]string{w.table.Name}, w.effects.Tables...),
		Order: order, Apart: apart,
	}
}

// run runs the write in a transaction. Without an error, done says whether it wrote the row: a check may have found no row,
// or the rules in the statement did not let it write. A constraint of the row itself is a *store.ConstraintError.
func (w *rowWrite) run(tx store.Tx) (done bool, err error) {
	for _, check := range w.checks {
		found, err := runStep(tx, check)
		if err != nil || !found {
			return false, notRefused(err)
		}
	}
	tx.Touch(w.table.Name)
	row := func(cols value.Row) error {
		done = true
		return w.answer(cols)
	}
	if w.after == nil {
		err = tx.Query(w.change.SQL, w.change.Args, row)
	} else {
		err = tx.ExecThenQuery(w.change, *w.after, row)
	}
	if err != nil || !done {
		return false, err
	}
	return true, w.effects.run(tx)
}

// notRefused drops the error of a check that refuses: the caller finds out why and says it.
func notRefused(err error) error {
	if errors.Is(err, errNotAsScript) {
		return nil
	}
	return err
}

// run runs the effects in a transaction.
func (e Effects) run(tx store.Tx) error {
	tx.Touch(e.Tables...)
	for _, step := range e.Steps {
		found, err := runStep(tx, step)
		switch {
		case err != nil:
			return errs.Wrapf(err, errs.KindOf(err), "%s", effectRefused)
		case !found:
			return errs.New(errs.Conflict, effectRefused)
		}
	}
	return nil
}

const effectRefused = "a statement that belongs to this write was refused"

// runStep runs one step and says whether it found a row. A step without Row finds none and need not.
func runStep(tx store.Tx, step store.Step) (found bool, err error) {
	if step.Row == nil {
		_, err = tx.Exec(step.SQL, step.Args)
		return true, err
	}
	err = tx.Query(step.SQL, step.Args, func(cols value.Row) error {
		found = true
		return step.Row(cols)
	})
	return found, err
}

// errNotAsScript refuses a script: its function will say why.
var errNotAsScript = errors.New("the row is not as the script expects it")

// lockOrder is the position of a row in the order in which scripts lock rows.
func (t *table) lockOrder(id value.Value) string {
	return t.Name + " " + string(value.AppendValue(nil, id))
}

// build returns the write with its reference checks. The new row is in values, and row takes the answer.
func (c rowCheck) build(op Op, revision int64, change *sqlgen.Statement, inputs []value.Value, was, values row, masked []*model.Field, row *Row) (*rowWrite, error) {
	w := &rowWrite{table: c.table, change: c.statement(change, inputs), effects: c.effectsOf(c.table, op, values[0], revision)}
	for _, f := range c.referencesToCheck(c.table, c.given, values, was, masked) {
		stmt, err := c.db.tables[f.Ref].existsStatement(c.request)
		if err != nil {
			return nil, err
		}
		id := values[c.table.index[f]]
		w.checks = append(w.checks, store.Step{Statement: c.statement(stmt, []value.Value{id}), Row: func(value.Row) error { return nil }})
	}
	if !change.ReturnsAfter {
		stmt, err := c.table.afterStatement(c.request, c.asked, c.created)
		if err != nil {
			return nil, err
		}
		after := c.statement(stmt, afterInputs(values[0], revision, was))
		w.after = &after
	}
	w.answer = func(cols value.Row) (err error) {
		*row, err = c.rowFromResult(values[0], cols)
		return err
	}
	return w, nil
}

// explain returns why a write was refused that changed nothing. The error of the write is that of a constraint or nil.
func (c rowCheck) explain(tx store.Tx, was, values row, masked []*model.Field, err error) error {
	if err != nil && !isConstraint(err) {
		return err
	}
	hidden, failed := c.hiddenReferences(tx, c.table, c.given, values, was, masked)
	switch {
	case failed != nil:
		return failed
	case len(hidden) > 0:
		return c.refused(tx, was, values, hidden, referenceConflict(c.table, hidden))
	case err != nil:
		return c.constraint(tx, was, values, err)
	}
	return c.notAllowed(tx, was, values)
}

func isConstraint(err error) bool {
	_, ok := errors.AsType[*store.ConstraintError](err)
	return ok
}

// write runs a write as a script, or as a function if its caller was often refused lately. A refused script costs all who
// share its transaction; a refused function costs only its caller.
func (d *DB) write(ctx context.Context, who caller.Caller, script func(int64) (*store.Script, error), f func(store.Tx) error) error {
	if d.refusals.often(who, time.Now()) {
		return d.store.Write(ctx, f)
	}
	err := store.Run(ctx, d.store, script, f)
	if err != nil && isRefusal(err) {
		d.refusals.note(who, time.Now())
	}
	return err
}
