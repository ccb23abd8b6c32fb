package record

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Delete deletes a row. The model says what happens to rows that refer to it.
func (d *DB) Delete(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, match Match) error {
	r := d.request(who)
	defer r.end()
	return r.delete(ctx, t, id, match)
}

func (r *request) delete(ctx context.Context, t *model.Table, id value.Value, match Match) (err error) {
	defer errs.Wrap(&err, "record.Delete(%s)", t.Name)
	defer func() { r.db.tables[t].noteWrite(ctx, Delete, err) }()
	r.noteTrace(ctx)
	x, err := r.newDeletion(t, id, match)
	if err != nil {
		return err
	}
	err = r.write(ctx, x.script, x.run)
	if errors.Is(err, errManyRows) {
		return x.runMany(ctx)
	}
	return r.orStepUp(ctx, t, Delete, err, func(stronger *request, tx store.Tx) error {
		again, err := stronger.newDeletion(t, id, match)
		if err != nil {
			return err
		}
		return again.checkOld(tx)
	})
}

// A deletion deletes one row.
type deletion struct {
	req       *request
	table     *table
	id        value.Value
	match     Match
	decision  decision
	estimated bool // checkReach has run
}

// newDeletion checks what needs no database.
func (r *request) newDeletion(t *model.Table, id value.Value, match Match) (*deletion, error) {
	if err := r.allow(t, Delete); err != nil {
		return nil, err
	}
	table := r.db.tables[t]
	return &deletion{req: r, table: table, id: id, match: match, decision: table.decision(Delete, r.db.rules.Table(t).Delete, nil)}, nil
}

// script returns the deletion as a script, or nil if it changes further rows: run counts them first. The script stays out of
// groups if others may wait for it. A write that refers to the row locks it, and a write of the same unique value waits
// until the value is free.
func (x *deletion) script(int64) (*store.Script, error) {
	reach := x.table.reach
	if len(reach.Cascades)+len(reach.Clears) > 0 {
		return nil, nil
	}
	stmt, err := x.table.deleteAllowedStatement(x.req.Binding, x.decision)
	if err != nil || stmt.SQL == "" {
		return nil, err
	}
	w := &rowWrite{table: x.table, change: x.req.Bound(stmt, []value.Value{x.id}), answer: func(value.Row) error { return nil }}
	if err := x.req.addEffects(w, x.written(), x.match != nil); err != nil {
		return nil, err
	}
	if err := x.req.addRevisionCheck(w, x.id, x.match); err != nil {
		return nil, err
	}
	return w.script(x.table.lockOrder(x.id), x.table.unique || len(reach.Restricts) > 0), nil
}

// errManyRows undoes a deletion that reaches more rows than limits.cascadeRows.
var errManyRows = errors.New("the deletion reaches many rows")

// run deletes the row with one statement, and the references of the database do the rest. It may run more than once.
func (x *deletion) run(tx store.Tx) error {
	if err := x.checkOld(tx); err != nil {
		return err
	}
	if many, err := x.reachesMany(tx); err != nil {
		return err
	} else if many {
		return errManyRows
	}
	stmt, err := x.table.deleteStatement(x.req.Binding)
	if err != nil {
		return err
	}
	effects, err := x.effectsBefore(tx, x.written())
	if err != nil {
		return err
	}
	tx.MarkChanged(x.table.changedTables...)
	err = x.req.ExecDeferred(tx, stmt, []value.Value{x.id})
	if c, ok := errors.AsType[*store.ConstraintError](err); ok && c.Constraint == store.ForeignKey {
		return inUse(err)
	}
	if err != nil {
		return err
	}
	return effects.run(tx)
}

// written returns the deletion as its effects see it.
func (x *deletion) written() *Written {
	w := &Written{Table: x.table.Table, Op: Delete, ID: x.id}
	if len(x.table.reach.Cascades) > 0 {
		w.Reach = x.table.reach
	}
	return w
}

// effectsBefore runs the effects before the deletion, and returns the ones after it.
func (x *deletion) effectsBefore(tx store.Tx, written *Written) (Effects, error) {
	effects, err := x.req.effectsOf(written)
	if err != nil {
		return effects, err
	}
	if written.Reach != nil && !written.Swept && len(effects.Before) > 0 {
		if err := x.lockReach(tx); err != nil {
			return effects, err
		}
	}
	return effects, effects.runBefore(tx)
}

// lockTries bounds the looks of lockReach.
const lockTries = 20

// lockReach locks all rows that the deletion deletes. Others may add rows that refer to them while it looks, so it looks until it
// finds no more: nobody can refer to a locked row.
func (x *deletion) lockReach(tx store.Tx) error {
	if !x.req.locks() {
		return nil
	}
	reach, last := x.table.reach, -1
	for range lockTries {
		found := 0
		for of := range reach.Tables {
			stmt, err := x.table.lockDoomedStatement(x.req.Binding, of)
			if err != nil {
				return err
			}
			err = x.req.Query(tx, stmt, []value.Value{x.id}, func(value.Row) error { found++; return nil })
			if err != nil {
				return err
			}
		}
		if found == last {
			return nil
		}
		last = found
	}
	return errs.New(errs.Conflict, "others keep adding rows that refer to this one: try again")
}

// checkOld refuses a deletion that the caller may not do.
func (x *deletion) checkOld(tx store.Tx) error {
	_, err := x.req.readOld(tx, x.table, x.id, x.match, x.decision)
	return err
}

func inUse(cause error) error {
	return errs.Wrapf(cause, errs.Conflict, "the row is in use: other rows refer to it")
}

// reachesMany reports whether the deletion is a task for runMany.
func (x *deletion) reachesMany(tx store.Tx) (many bool, err error) {
	if x.estimated || len(x.table.reach.Cascades)+len(x.table.reach.Clears) == 0 {
		return false, nil
	}
	limit := x.req.db.limits.cascadeRows
	stmt, err := x.table.countReachStatement(x.req.Binding, limit)
	if err != nil {
		return false, err
	}
	err = x.req.Query(tx, stmt, []value.Value{x.id}, func(cols value.Row) error {
		many = cols.Int(0) > int64(limit)
		return nil
	})
	return many, err
}

// runMany deletes a row that reaches many others. A reader first counts them, so a refusal costs the writers nothing.
func (x *deletion) runMany(ctx context.Context) error {
	ctx = withOrigin(ctx, x.req.Caller())
	if err := x.checkReach(ctx); err != nil {
		return err
	}
	x.estimated = true
	if x.req.db.store.Sweeps() {
		return x.req.db.store.Sweep(ctx, x.req.guardedFunction(x.sweep))
	}
	return x.req.db.store.Write(ctx, x.req.guardedFunction(x.run))
}

// checkReach refuses a deletion that reaches too many rows, or that a reference restricts. Its count passes the gate as a
// query of unknown cost.
func (x *deletion) checkReach(ctx context.Context) error {
	stmt, err := x.table.checkReachStatement(x.req.Binding)
	if err != nil {
		return err
	}
	limit := x.req.db.limits.deletionRows
	if x.req.db.effects != nil {
		if most := x.req.db.effects.MaxCascade(x.table.reach); most > 0 {
			limit = min(limit, most)
		}
	}
	return x.req.pass(ctx, gate.Class{}, &gate.Cost{}, func(reader store.Reader) error {
		return x.req.Query(reader, stmt, []value.Value{x.id}, func(cols value.Row) error {
			switch {
			case holds(cols, 1):
				return inUse(nil)
			case cols.Int(0) > int64(limit):
				return errs.New(errs.Conflict, "more than %d rows would be deleted or changed with this one: delete some of them first", limit)
			}
			return nil
		})
	})
}

// sweep deletes with one statement for each table, in a transaction that does not follow references. It may run more than
// once.
func (x *deletion) sweep(tx store.Tx) error {
	if err := x.checkOld(tx); err != nil {
		return err
	}
	s, err := x.req.Generator().Sweep(x.table.reach)
	if err != nil {
		return err
	}
	if err := x.req.Exec(tx, s.Collect, []value.Value{x.id}); err != nil {
		return err
	}
	if s.Blocked != nil { // other writes may have committed since checkReach
		err := x.req.Query(tx, s.Blocked, nil, func(value.Row) error { return inUse(nil) })
		if err != nil {
			return err
		}
	}
	written := x.written()
	written.Swept = true
	effects, err := x.effectsBefore(tx, written)
	if err != nil {
		return err
	}
	tx.MarkChanged(x.table.changedTables...)
	for _, stmt := range s.Remove {
		if err := x.req.Exec(tx, stmt, nil); err != nil {
			return err
		}
	}
	return effects.run(tx)
}
