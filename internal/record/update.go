package record

import (
	"context"
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Update applies a JSON merge patch (RFC 7396) to a row.
func (d *DB) Update(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, patch []value.Member, match Match) (_ Written, err error) {
	defer errs.Wrap(&err, "record.Update(%s)", t.Name)
	r := d.request(who)
	defer r.done()
	if err := r.allow(t, Update); err != nil {
		return Written{}, err
	}
	u := &change{request: r, table: d.tables[t], id: id, match: match}
	u.in = u.table.members(who, patch, &id)
	if err := u.in.err(); err != nil {
		return Written{}, err
	}
	rules := d.rules.Table(t)
	u.from = r.asked(u.table, Update, rules.UpdateFrom, u.in.given)
	u.from.seeing(r, u.table, u.in.compared(r))
	u.to = r.asked(u.table, Update, rules.UpdateTo, u.in.given)
	if len(u.in.merged) > 0 {
		err = u.writeMerged(ctx)
	} else {
		err = d.write(ctx, who, u.script, u.run)
	}
	if err != nil {
		return Written{}, err
	}
	return u.row, nil
}

// change is an update of a row.
type change struct {
	*request
	table    *table
	id       value.Value
	match    Match
	in       *input
	from, to asked
	row      Written

	merge    *merge // nil where there is nothing to merge, or where the transaction does it
	revision int64  // of the row that before has read
}

// run may run more than once.
func (u *change) run(tx store.Tx) error {
	if done, err := u.atOnce(tx); done || err != nil {
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
	values := slices.Clone(was)
	for _, f := range in.given {
		values[u.table.index[f]] = in.values[u.table.index[f]]
	}
	if err := u.takeMerge(in, values, was, masked); err != nil {
		return err
	}
	updated := u.table.Field("updated_at")
	values[u.table.index[updated]] = value.OfTimestamp(u.env.Now)
	hidden, err := u.hiddenReferences(tx, u.table, in.given, values, was, masked)
	if err != nil {
		return err
	}
	ask := question{request: u.request, table: u.table, asked: u.to, given: in.given}
	if len(in.given) < len(u.in.given) {
		ask.asked = u.asked(u.table, Update, u.db.rules.Table(u.table.Table).UpdateTo, in.given)
	}
	if len(hidden) > 0 {
		return ask.refused(tx, was, values, hidden, referenceConflict(u.table, hidden))
	}
	fields := append(slices.Clone(in.given), updated)
	update, err := u.table.updateStatement(u.request, u.from, ask.asked, fields)
	if err != nil {
		return err
	}
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	tx.Touch(u.table.Name)
	u.row, err = ask.write(tx, revision, update, u.inputs(revision, fields, values), was, values)
	return err
}

// atOnce changes the row by one statement, which asks the rules about the row as it was and as it becomes. It is not done
// where one statement cannot tell whether it may (see sqlgen.Change), or why it changed nothing.
func (u *change) atOnce(tx store.Tx) (done bool, err error) {
	update, fields, err := u.oneStatement()
	if err != nil || update == nil || u.match != nil || len(u.toLook(u.table, u.in.given, u.in.values, nil, nil)) > 0 {
		return false, err
	}
	revision, err := tx.Revision()
	if err != nil {
		return false, err
	}
	ask := question{request: u.request, table: u.table, asked: u.to, given: u.in.given}
	err = u.query(tx, update, u.inputs(revision, fields, u.in.values), func(cols value.Row) error {
		done = true
		u.row, err = ask.answer(u.id, cols)
		return err
	})
	if _, refused := errors.AsType[*store.ConstraintError](err); refused {
		return false, nil
	}
	tx.Touch(u.table.Name)
	return done, err
}

// oneStatement is the one that asks the rules and changes the row, with the fields that it sets; nil where there is none.
func (u *change) oneStatement() (update *sqlgen.Statement, fields []*model.Field, err error) {
	if len(u.in.merged) > 0 || len(u.in.fixed) > 0 {
		return nil, nil, nil
	}
	updated := u.table.Field("updated_at")
	fields = append(slices.Clone(u.in.given), updated)
	update, err = u.table.changeStatement(u.request, u.from, u.to, fields)
	if err != nil || update.SQL == "" {
		return nil, nil, err
	}
	u.in.values[u.table.index[updated]] = value.OfTimestamp(u.env.Now)
	return update, fields, nil
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
