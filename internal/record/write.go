package record

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A rowWrite is one write of a row with all its statements, built once. An engine runs it as a script, together with the
// writes of others. A function runs the same statements if it had to read first, and explains why a write was refused.
type rowWrite struct {
	table   *table
	checks  []store.Step          // run first, and each must find a row
	change  store.Statement       // writes the row
	after   *store.Statement      // asks about the new row; nil if change returns the answer itself
	answer  func(value.Row) error // nil if the answer is known beforehand; only a script may be of this kind
	effects Effects
}

// A writeSpec is what buildWrite builds a write from.
type writeSpec struct {
	op       Op
	revision int64 // of the new row
	change   *sqlgen.Statement
	inputs   []value.Value // of change; of an update the id, the revision, and a value for each of fields
	fields   []*model.Field
	matched  bool          // a check of the old revision will lock the row
	old      *input.Stored // nil if there is none, or if change reads it
	values   []value.Value // the new row
	result   *Row          // takes the answer; nil if it is known beforehand
}

// buildWrite returns the write of a row with its reference checks.
func (c *rowCheck) buildWrite(spec writeSpec) (*rowWrite, error) {
	id := spec.values[0]
	w := &rowWrite{table: c.table, change: c.req.Bound(spec.change, spec.inputs)}
	if err := c.addReferenceChecks(w, spec); err != nil {
		return nil, err
	}
	if c.req.db.effects != nil {
		written := &Written{Table: c.table.Table, Op: spec.op, ID: id, Revision: spec.revision}
		if spec.op == Update {
			written.Fields, written.Values = spec.fields, spec.inputs[2:]
		}
		if spec.old != nil {
			written.Old = spec.old.Values
		}
		if err := c.req.addEffects(w, written, spec.old != nil || spec.matched); err != nil {
			return nil, err
		}
	}
	if spec.result == nil {
		return w, nil
	}
	if !spec.change.ReturnsAfter {
		stmt, err := c.table.newRowStatement(c.req.Binding, c.decision, c.created)
		if err != nil {
			return nil, err
		}
		inputs := []value.Value{id, value.OfInt(spec.revision)}
		if spec.old != nil {
			inputs = append(inputs, spec.old.Values...)
		}
		after := c.req.Bound(stmt, inputs)
		w.after = &after
	}
	result := spec.result
	w.answer = func(cols value.Row) (err error) {
		*result, err = c.rowFromResult(id, cols)
		return err
	}
	return w, nil
}

func (c *rowCheck) addReferenceChecks(w *rowWrite, spec writeSpec) error {
	found := func(value.Row) error { return nil }
	for _, f := range c.req.referencesToCheck(c.table, c.given, spec.values, spec.old) {
		stmt, err := c.req.db.tables[f.Ref].existsStatement(c.req.Binding)
		if err != nil {
			return err
		}
		id := spec.values[c.table.index[f]]
		w.checks = append(w.checks, store.Step{Statement: c.req.Bound(stmt, []value.Value{id}), Row: found})
	}
	return nil
}

// addRevisionCheck adds a check of the old revision if the request has a condition on it.
func (r *request) addRevisionCheck(w *rowWrite, id value.Value, match Match) error {
	if match == nil {
		return nil
	}
	stmt, err := w.table.revisionStatement(r.Binding)
	if err != nil {
		return err
	}
	check := store.Step{Statement: r.Bound(stmt, []value.Value{id}), Row: func(cols value.Row) error {
		if !match(cols.Int(0)) {
			return errUnexpectedRow
		}
		return nil
	}}
	w.checks = slices.Insert(w.checks, 0, check)
	return nil
}

// script returns the write as a script.
func (w *rowWrite) script(lockOrder string, noGroup bool) *store.Script {
	size := len(w.checks) + len(w.effects.Before) + 1 + len(w.effects.Steps)
	if w.after != nil {
		size++
	}
	steps := append(append(make([]store.Step, 0, size), w.checks...), w.effects.Before...)
	if w.after == nil {
		steps = append(steps, store.Step{Statement: w.change, Row: w.answer}) // without an answer, the step has no rows
	} else {
		steps = append(steps, store.Step{Statement: w.change}, store.Step{Statement: *w.after, Row: w.answer})
	}
	return &store.Script{
		Steps: append(steps, w.effects.Steps...), Tables: append(w.table.names, w.effects.Tables...),
		LockOrder: lockOrder, NoGroup: noGroup || w.effects.NoGroup,
	}
}

// run runs the write in a transaction. Without an error, done says whether it wrote the row: a check may have found no row,
// or the rules in the statement did not hold. A constraint of the row itself is a *store.ConstraintError. A caller who goes on
// without done must not have effects before the write.
func (w *rowWrite) run(tx store.Tx) (done bool, err error) {
	for _, check := range w.checks {
		found, err := runStep(tx, check)
		if err != nil || !found {
			return false, ignoreRefusal(err)
		}
	}
	if err := w.effects.runBefore(tx); err != nil {
		return false, err
	}
	tx.MarkChanged(w.table.Name)
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

// errUnexpectedRow refuses a script. The function of the write then says why.
var errUnexpectedRow = errors.New("the row is not as the script expects it")

// ignoreRefusal drops errUnexpectedRow. The caller finds out the reason.
func ignoreRefusal(err error) error {
	if errors.Is(err, errUnexpectedRow) {
		return nil
	}
	return err
}

// runStep runs one step and reports whether it found a row. A step without Row need not find one.
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
