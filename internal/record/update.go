package record

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Update applies a JSON merge patch (RFC 7396) to a row.
func (d *DB) Update(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, patch []value.Member, match Match) (Row, error) {
	r := d.request(who)
	defer r.end()
	return r.update(ctx, t, id, patch, match)
}

func (r *request) update(ctx context.Context, t *model.Table, id value.Value, patch []value.Member, match Match) (_ Row, err error) {
	defer errs.Wrap(&err, "record.Update(%s)", t.Name)
	defer func() { r.db.tables[t].noteWrite(ctx, Update, err) }()
	r.noteTrace(ctx)
	u, err := r.newChange(t, id, patch, match)
	if err != nil {
		return Row{}, err
	}
	if len(u.body.Patches) > 0 {
		err = u.writeMerged(ctx)
	} else {
		err = r.write(ctx, u.script, u.run)
	}
	if err != nil {
		return Row{}, r.orStepUp(ctx, t, Update, err, func(stronger *request, tx store.Tx) error {
			again, err := stronger.newChange(t, id, patch, match)
			if err != nil {
				return err
			}
			return again.run(tx)
		})
	}
	return u.result, nil
}

// A change updates one row.
type change struct {
	req    *request
	table  *table
	id     value.Value
	match  Match
	body   *input.Body
	from   decision // on the old row
	check  rowCheck // of the new row, if the body is written whole
	merge  *merge   // nil if there is nothing to merge, or if the transaction merges
	result Row
}

// newChange checks what needs no database.
func (r *request) newChange(t *model.Table, id value.Value, patch []value.Member, match Match) (*change, error) {
	if err := r.allow(t, Update); err != nil {
		return nil, err
	}
	body := input.ForUpdate(t, id, patch, r.Caller().IsSystem())
	body.Check(r.db.check)
	if err := body.Err(); err != nil {
		return nil, err
	}
	u := &change{req: r, table: r.db.tables[t], id: id, match: match, body: body}
	rules := r.db.rules.Table(t)
	u.from = u.table.decision(Update, rules.UpdateFrom, body.Given)
	u.from.addMasks(u.table, body.Compared(r.db.rules))
	u.check = u.newCheck(body)
	return u, nil
}

// script returns the change as a script, or nil if it depends on the old row: a patch is merged into it, or a check
// compares with it.
func (u *change) script(revision int64) (*store.Script, error) {
	w, err := u.buildSingle(revision)
	if err != nil || w == nil {
		return nil, err
	}
	return w.script(u.table.lockOrder(u.id), u.table.setsUnique(u.body.Given)), nil
}

// run changes the row in a transaction. It may run more than once. It reads the old row unless one statement can decide.
func (u *change) run(tx store.Tx) error {
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	if done, err := u.runSingle(tx, revision); done || err != nil {
		return err
	}
	return u.runWithOld(tx, revision)
}

// runSingle tries the change with a single statement. It reports false, and has changed nothing, if one statement cannot
// decide or refused the change.
func (u *change) runSingle(tx store.Tx, revision int64) (done bool, err error) {
	w, err := u.buildSingle(revision)
	if err != nil || w == nil || len(w.effects.Before) > 0 {
		return false, err
	}
	done, err = w.run(tx)
	if !done && isConstraint(err) {
		err = nil
	}
	return done, err
}

// runWithOld reads the old row and changes it, or says why it may not be changed.
func (u *change) runWithOld(tx store.Tx, revision int64) error {
	old, err := u.req.readOld(tx, u.table, u.id, u.match, u.from)
	if err != nil {
		return err
	}
	body, err := u.against(old)
	if err != nil {
		return err
	}
	values, err := u.newValues(body, old)
	if err != nil {
		return err
	}
	check := u.check
	if len(body.Given) < len(u.body.Given) {
		check = u.newCheck(body)
	}
	fields := u.fieldsOf(body)
	update, err := u.table.updateStatement(u.req.Binding, u.from, check.decision, fields)
	if err != nil {
		return err
	}
	w, err := check.buildWrite(writeSpec{
		op: Update, revision: revision, change: update, inputs: u.inputs(revision, fields, values), fields: fields, old: old, values: values, result: &u.result,
	})
	if err != nil {
		return err
	}
	done, err := w.run(tx)
	if done {
		return err
	}
	return check.explain(tx, old, values, err)
}

// against returns the body without members that change nothing.
func (u *change) against(old *input.Stored) (*input.Body, error) {
	body, refused, err := u.body.Against(u.req.db.rules, old)
	if len(refused) > 0 {
		return nil, u.req.deniedFields(refused)
	}
	return body, err
}

// newValues returns the new row: the old one with the changes of a body.
func (u *change) newValues(body *input.Body, old *input.Stored) ([]value.Value, error) {
	values := slices.Clone(old.Values)
	for _, f := range body.Given {
		values[u.table.index[f]] = body.Values[u.table.index[f]]
	}
	if err := u.merge.apply(u.table, body, values, old); err != nil {
		return nil, err
	}
	u.setUpdated(values)
	return values, nil
}

func (u *change) setUpdated(values []value.Value) {
	values[u.table.index[u.table.Field("updated_at")]] = value.OfTimestamp(u.req.Now())
}

// newCheck returns the check of the new row for a body. It asks the write rules of the fields in the body.
func (u *change) newCheck(body *input.Body) rowCheck {
	decision := u.table.decision(Update, u.req.db.rules.Table(u.table.Table).UpdateTo, body.Given)
	return rowCheck{req: u.req, table: u.table, decision: decision, given: body.Given}
}

// fieldsOf returns the fields that the change sets.
func (u *change) fieldsOf(body *input.Body) []*model.Field {
	return append(slices.Clone(body.Given), u.table.Field("updated_at"))
}

// inputs returns the inputs of a statement that sets fields.
func (u *change) inputs(revision int64, fields []*model.Field, values []value.Value) []value.Value {
	inputs := append(make([]value.Value, 0, 2+len(fields)), u.id, value.OfInt(revision))
	for _, f := range fields {
		inputs = append(inputs, values[u.table.index[f]])
	}
	return inputs
}

// buildSingle returns the write of a change that one statement can decide, or nil if none can.
func (u *change) buildSingle(revision int64) (*rowWrite, error) {
	if len(u.body.Patches) > 0 || len(u.body.Fixed) > 0 || u.effectsNeedOld() {
		return nil, nil
	}
	fields := u.fieldsOf(u.body)
	update, err := u.table.changeStatement(u.req.Binding, u.from, u.check.decision, fields)
	if err != nil || update.SQL == "" {
		return nil, err
	}
	values := slices.Clone(u.body.Values)
	values[0] = u.id
	u.setUpdated(values)
	w, err := u.check.buildWrite(writeSpec{
		op: Update, revision: revision, change: update, inputs: u.inputs(revision, fields, values), fields: fields, matched: u.match != nil, values: values, result: &u.result,
	})
	if err != nil {
		return nil, err
	}
	return w, u.req.addRevisionCheck(w, u.id, u.match)
}

func (u *change) effectsNeedOld() bool {
	return u.req.db.effects != nil && u.req.db.effects.NeedsOld(u.table.Table)
}

// mergeTries bounds the merges of one patch. Patches of one row take turns within this process, so only other writes can
// change the row after a merge.
const mergeTries = 8

// writeMerged writes a change that has json fields to merge. It merges outside of the transaction, and after mergeTries
// inside.
func (u *change) writeMerged(ctx context.Context) error {
	unlock, err := u.req.db.merging.lock(ctx, u.table.lockOrder(u.id))
	if err != nil {
		return err
	}
	defer unlock()
	for try := range mergeTries {
		if u.merge, err = u.mergeOutside(ctx); err != nil {
			return err
		}
		if err := u.req.write(ctx, u.script, u.run); !errors.Is(err, errMoved) {
			return err
		}
		time.Sleep(rand.N(time.Millisecond << try)) // 128 ms at most
	}
	u.merge = nil
	return u.req.write(ctx, u.script, u.run)
}

// mergeOutside reads the row without a lock, then merges without a connection.
func (u *change) mergeOutside(ctx context.Context) (*merge, error) {
	var old *input.Stored
	err := u.req.db.store.Read(ctx, u.req.guarded(func(reader store.Reader) (err error) {
		old, err = u.req.readOld(reader, u.table, u.id, u.match, u.from)
		return err
	}))
	if err != nil {
		return nil, err
	}
	body, err := u.against(old)
	if err != nil {
		return nil, err
	}
	return newMerge(body, old)
}
