package record

import (
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Update applies a JSON merge patch (RFC 7396) to a row.
func (d *DB) Update(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, patch []value.Member, match Match) (Row, error) {
	r := d.request(who)
	defer r.done()
	return r.update(ctx, t, id, patch, match)
}

func (r *request) update(ctx context.Context, t *model.Table, id value.Value, patch []value.Member, match Match) (_ Row, err error) {
	defer errs.Wrap(&err, "record.Update(%s)", t.Name)
	u, err := r.change(t, id, patch, match)
	if err != nil {
		return Row{}, err
	}
	if len(u.in.merged) > 0 {
		err = u.writeMerged(ctx)
	} else {
		err = r.db.write(ctx, r.who(), u.script, u.run)
	}
	if err != nil {
		return Row{}, err
	}
	return u.row, nil
}

// change checks what needs no database.
func (r *request) change(t *model.Table, id value.Value, patch []value.Member, match Match) (*change, error) {
	if err := r.allow(t, Update); err != nil {
		return nil, err
	}
	u := &change{request: r, table: r.db.tables[t], id: id, match: match}
	u.in = u.table.members(r.who(), patch, &id)
	if err := u.in.err(); err != nil {
		return nil, err
	}
	rules := r.db.rules.Table(t)
	u.from = r.asked(u.table, Update, rules.UpdateFrom, u.in.given)
	u.from.seeing(r, u.table, u.in.compared(r))
	u.to = r.asked(u.table, Update, rules.UpdateTo, u.in.given)
	return u, nil
}

// change is an update of a row.
type change struct {
	*request
	table    *table
	id       value.Value
	match    Match
	in       *input
	from, to asked
	row      Row

	merge    *merge // nil where there is nothing to merge, or where the transaction does it
	revision int64  // of the row that before has read
}

// run reads the old row unless one statement can do without. It may run more than once.
func (u *change) run(tx store.Tx) error {
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	if done, err := u.runSingleStatement(tx, revision); done || err != nil {
		return err
	}
	was, masked, refused, err := u.before(tx, u.table, u.id, u.matches, u.from)
	if err != nil {
		return err
	}
	in, err := u.in.against(u.request, u.table, was, masked, refused)
	if err != nil {
		return err
	}
	values, err := u.newValues(in, was, masked)
	if err != nil {
		return err
	}
	c := rowCheck{request: u.request, table: u.table, asked: u.to, given: in.given}
	if len(in.given) < len(u.in.given) {
		c.asked = u.asked(u.table, Update, u.db.rules.Table(u.table.Table).UpdateTo, in.given)
	}
	fields := append(slices.Clone(in.given), u.table.Field("updated_at"))
	update, err := u.table.updateStatement(u.request, u.from, c.asked, fields)
	if err != nil {
		return err
	}
	w, err := c.build(Update, revision, update, u.inputs(revision, fields, values), was, values, masked, &u.row)
	if err != nil {
		return err
	}
	done, err := w.run(tx)
	if done {
		return err
	}
	return c.explain(tx, was, values, masked, err)
}

// newValues returns the new row, made of the old one and what is to be written.
func (u *change) newValues(in *input, was row, masked []*model.Field) (row, error) {
	values := slices.Clone(was)
	for _, f := range in.given {
		values[u.table.index[f]] = in.values[u.table.index[f]]
	}
	if err := u.takeMerge(in, values, was, masked); err != nil {
		return nil, err
	}
	values[u.table.index[u.table.Field("updated_at")]] = value.OfTimestamp(u.env.Now)
	return values, nil
}

// runSingleStatement tries the change without reading the old row. It reports false, and has changed nothing, if that cannot
// be decided or was refused: run then finds out why.
func (u *change) runSingleStatement(tx store.Tx, revision int64) (done bool, err error) {
	w, err := u.build(revision)
	if err != nil || w == nil {
		return false, err
	}
	done, err = w.run(tx)
	if !done && isConstraint(err) {
		err = nil
	}
	return done, err
}

// script returns the change as a script, or nil if it depends on the old row: a patch is merged into it, or a check
// compares with it.
func (u *change) script(revision int64) (*store.Script, error) {
	w, err := u.build(revision)
	if err != nil || w == nil {
		return nil, err
	}
	return w.script(u.table.lockOrder(u.id), u.table.setsUnique(u.in.given)), nil
}

// build returns the write of a change that one statement can decide, and nil if none can.
func (u *change) build(revision int64) (*rowWrite, error) {
	if len(u.in.merged) > 0 || len(u.in.fixed) > 0 {
		return nil, nil
	}
	updated := u.table.Field("updated_at")
	fields := append(slices.Clone(u.in.given), updated)
	update, err := u.table.changeStatement(u.request, u.from, u.to, fields)
	if err != nil || update.SQL == "" {
		return nil, err
	}
	values := slices.Clone(u.in.values)
	values[0], values[u.table.index[updated]] = u.id, value.OfTimestamp(u.env.Now)
	c := rowCheck{request: u.request, table: u.table, asked: u.to, given: u.in.given}
	w, err := c.build(Update, revision, update, u.inputs(revision, fields, values), nil, values, nil, &u.row)
	if err != nil {
		return nil, err
	}
	return w, u.addRevisionCheck(w)
}

// addRevisionCheck adds the check of the old revision, if the request has a condition on it.
func (u *change) addRevisionCheck(w *rowWrite) error {
	if u.match == nil {
		return nil
	}
	stmt, err := u.table.lockedStatement(u.request)
	if err != nil {
		return err
	}
	check := store.Step{Statement: u.statement(stmt, []value.Value{u.id}), Row: func(cols value.Row) error {
		if !u.match(cols.Int(0)) {
			return errNotAsScript
		}
		return nil
	}}
	w.checks = slices.Insert(w.checks, 0, check)
	return nil
}

// inputs are those of the statement that sets fields.
func (u *change) inputs(revision int64, fields []*model.Field, values row) []value.Value {
	inputs := append(make([]value.Value, 0, 2+len(fields)), u.id, value.OfInt(revision))
	for _, f := range fields {
		inputs = append(inputs, values[u.table.index[f]])
	}
	return inputs
}

// before reads a row that is about to change and refuses where it is not there (404), has another revision (412), or the
// rule about the row as it was says no (403). Of the fields that a has to do with, masked are those that the caller may
// not read, and refused those whose write rule says no. In a transaction the row is locked.
func (r *request) before(q store.Reader, t *table, id value.Value, match Match, a asked) (was row, masked, refused []*model.Field, err error) {
	_, locks := q.(store.Tx)
	stmt, err := t.beforeStatement(r, a, locks)
	if err != nil {
		return nil, nil, nil, err
	}
	var revision int64
	var allowed bool
	err = r.query(q, stmt, []value.Value{id}, func(cols value.Row) error {
		revision, allowed = cols.Int(0), holds(cols, 1)
		for i, f := range a.fields {
			if !holds(cols, 2+i) {
				refused = append(refused, f)
			}
		}
		for i, m := range a.masks {
			if !holds(cols, 1+len(a.rules)+i) {
				masked = append(masked, m.field)
			}
		}
		was = t.scan(cols, 1+len(a.rules)+len(a.masks))
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, nil, err
	case was == nil:
		return nil, nil, nil, notFound(t.Table)
	case match != nil && !match(revision):
		return nil, nil, nil, errs.New(errs.Stale, "the row has changed: read it again, then send the change with its new ETag")
	case !allowed:
		return nil, nil, nil, r.denied()
	}
	return was, masked, refused, nil
}

func holds(cols value.Row, i int) bool { return !cols.Null(i) && cols.Int(i) == 1 }
