package record

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Written is a row that was written: Row.JSON is nil where the caller may not read what it wrote.
type Written = Row

// Match is a condition on the revision of the row that a write changes; nil asks for none.
type Match func(revision int64) bool

// Tx is the rows of a model inside a transaction of the store.
type Tx struct {
	db *DB
	tx store.Tx
}

// In returns the rows as a running transaction sees them.
func (d *DB) In(tx store.Tx) *Tx { return &Tx{d, tx} }

// Create creates a row. The errors are those of DB.Create; the transaction can go on after them only if the caller
// gives it up.
func (x *Tx) Create(who caller.Caller, t *schema.Table, members []value.Member) (Written, error) {
	w, err := x.db.creation(who, t, members)
	if err != nil {
		return Written{}, err
	}
	if err := w.run(x.tx); err != nil {
		return Written{}, err
	}
	return w.row, nil
}

// Create creates a row of a table from the members of a body.
func (d *DB) Create(ctx context.Context, who caller.Caller, t *schema.Table, members []value.Member) (_ Written, err error) {
	defer errs.Wrap(&err, "record.Create(%s)", t.Name)
	w, err := d.creation(who, t, members)
	if err != nil {
		return Written{}, err
	}
	if err := d.store.Write(ctx, w.run); err != nil {
		return Written{}, err
	}
	return w.row, nil
}

// creation is a row about to be created.
type creation struct {
	*request
	table *table
	in    *input
	asked asked
	row   Written
}

// creation checks what needs no database.
func (d *DB) creation(who caller.Caller, t *schema.Table, members []value.Member) (*creation, error) {
	r := d.request(who)
	if err := r.allow(t, Create); err != nil {
		return nil, err
	}
	c := &creation{request: r, table: d.tables[t]}
	c.in = c.table.members(members, true)
	c.in.complete(r, c.table)
	c.asked = r.asked(c.table, Create, d.rules.Table(t).Create, c.in.given)
	return c, c.in.err()
}

// run may run more than once.
func (c *creation) run(tx store.Tx) error {
	values := append(make(row, 0, len(c.in.values)+1), c.in.values...) // with room for the revision
	if err := c.assignID(tx, values); err != nil {
		return err
	}
	hidden, err := c.hiddenReferences(tx, c.table, c.in.given, values, nil)
	if err != nil {
		return err
	}
	ask := question{request: c.request, table: c.table, asked: c.asked, created: true}
	if len(hidden) > 0 {
		return ask.refused(tx, nil, values, hidden, referenceConflict(c.table, hidden))
	}
	insert, err := c.table.insertStatement(c.request)
	if err != nil {
		return err
	}
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	inputs := append(values, value.OfInt(revision))
	if err := c.exec(tx, insert, inputs); err != nil {
		return ask.constraint(tx, nil, values, err)
	}
	tx.Touch(c.table.Name)
	c.row, err = ask.stored(tx, nil, values)
	return err
}

// assignID gives a new row the id that the client did not.
func (c *creation) assignID(tx store.Tx, values row) error {
	if !values[0].IsNull() {
		return nil
	}
	if c.table.Key == schema.UUID {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		values[0] = value.OfUUID(id.String())
		return nil
	}
	for {
		n, err := tx.Next("id:" + c.table.Name)
		if err != nil {
			return err
		}
		values[0] = value.OfInt(n)
		taken, err := c.exists(tx, c.table, values[0], true)
		if err != nil || !taken {
			return err
		}
	}
}

// exists asks for a row: whether the caller may read it or, for the system, whether it is there.
func (r *request) exists(q store.Reader, t *table, id value.Value, system bool) (found bool, err error) {
	if system && !r.who().IsSystem() {
		r = r.db.request(caller.System("look up a row"))
	}
	stmt, err := t.existsStatement(r)
	if err != nil {
		return false, err
	}
	err = r.query(q, stmt, []value.Value{id}, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// hiddenReferences are the references that the client sets or changes and whose row it may not read, be it that there
// is none.
func (r *request) hiddenReferences(q store.Reader, t *table, given []*schema.Field, values, was row) ([]*schema.Field, error) {
	var hidden []*schema.Field
	for _, f := range given {
		v := values[t.index[f]]
		if f.Ref == nil || v.IsNull() || was != nil && was[t.index[f]].Equal(v) {
			continue
		}
		if f.Ref == t.Table && v.Equal(values[0]) && was == nil {
			continue // a new row may refer to itself
		}
		found, err := r.exists(q, r.db.tables[f.Ref], v, false)
		if err != nil {
			return nil, err
		}
		if !found {
			hidden = append(hidden, f)
		}
	}
	return hidden, nil
}

func referenceConflict(t *table, fields []*schema.Field) *errs.Error {
	e := errs.New(errs.Conflict, "a reference leads nowhere")
	for _, f := range fields {
		e.Faults = append(e.Faults, errs.Fault{Pointer: pointer(f.Name), Code: "reference", Detail: "there is no such row in " + f.Ref.Name})
	}
	return e
}

// Update applies a JSON merge patch (RFC 7396) to a row.
func (d *DB) Update(ctx context.Context, who caller.Caller, t *schema.Table, id value.Value, patch []value.Member, match Match) (_ Written, err error) {
	defer errs.Wrap(&err, "record.Update(%s)", t.Name)
	r := d.request(who)
	if err := r.allow(t, Update); err != nil {
		return Written{}, err
	}
	u := &change{request: r, table: d.tables[t], id: id, match: match}
	u.in = u.table.members(patch, false)
	if err := u.in.err(); err != nil {
		return Written{}, err
	}
	rules := d.rules.Table(t)
	u.from = r.asked(u.table, Update, rules.UpdateFrom, u.in.given)
	u.from.seeing(r, u.table, u.in.merged)
	u.to = r.asked(u.table, Update, rules.UpdateTo, u.in.given)
	if err := d.store.Write(ctx, u.run); err != nil {
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
}

// run may run more than once.
func (u *change) run(tx store.Tx) error {
	was, masked, err := u.before(tx, u.table, u.id, u.match, u.from)
	if err != nil {
		return err
	}
	values := slices.Clone(was)
	for _, f := range u.in.given {
		values[u.table.index[f]] = u.in.values[u.table.index[f]]
	}
	if err := u.in.merge(u.table, values, was, masked); err != nil {
		return err
	}
	updated := u.table.Field("updated_at")
	values[u.table.index[updated]] = value.OfTimestamp(u.env.Now)
	hidden, err := u.hiddenReferences(tx, u.table, u.in.given, values, was)
	if err != nil {
		return err
	}
	ask := question{request: u.request, table: u.table, asked: u.to}
	if len(hidden) > 0 {
		return ask.refused(tx, was, values, hidden, referenceConflict(u.table, hidden))
	}
	if err := u.write(tx, append(slices.Clone(u.in.given), updated), values); err != nil {
		return ask.constraint(tx, was, values, err)
	}
	tx.Touch(u.table.Name)
	u.row, err = ask.stored(tx, was, values)
	return err
}

func (u *change) write(tx store.Tx, fields []*schema.Field, values row) error {
	stmt, err := u.table.updateStatement(u.request, fields)
	if err != nil {
		return err
	}
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	inputs := append(make([]value.Value, 0, 2+len(fields)), u.id, value.OfInt(revision))
	for _, f := range fields {
		inputs = append(inputs, values[u.table.index[f]])
	}
	return u.exec(tx, stmt, inputs)
}

// before reads a row that is about to change and refuses where it is not there (404), has another revision (412), or a
// rule about the row as it was says no (403). masked are those of a.masks that hide their field from the caller.
func (r *request) before(tx store.Tx, t *table, id value.Value, match Match, a asked) (was row, masked []*schema.Field, err error) {
	stmt, err := t.beforeStatement(r, a)
	if err != nil {
		return nil, nil, err
	}
	var revision int64
	allowed := true
	err = r.query(tx, stmt, []value.Value{id}, func(cols value.Row) error {
		revision = cols.Int(0)
		for i := range a.rules {
			allowed = allowed && holds(cols, 1+i)
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
		return nil, nil, err
	case was == nil:
		return nil, nil, notFound(t.Table)
	case match != nil && !match(revision):
		return nil, nil, errs.New(errs.Stale, "the row has changed since: read it again, then decide")
	case !allowed:
		return nil, nil, r.denied()
	}
	return was, masked, nil
}

func holds(cols value.Row, i int) bool { return !cols.Null(i) && cols.Int(i) == 1 }

// Delete deletes a row.
func (d *DB) Delete(ctx context.Context, who caller.Caller, t *schema.Table, id value.Value, match Match) (err error) {
	defer errs.Wrap(&err, "record.Delete(%s)", t.Name)
	r := d.request(who)
	if err := r.allow(t, Delete); err != nil {
		return err
	}
	table := d.tables[t]
	a := r.asked(table, Delete, d.rules.Table(t).Delete, nil)
	return d.store.Write(ctx, func(tx store.Tx) error {
		if _, _, err := r.before(tx, table, id, match, a); err != nil {
			return err
		}
		stmt, err := table.deleteStatement(r)
		if err != nil {
			return err
		}
		tx.Touch(table.swept...)
		tx.Touch(table.cleared...)
		err = r.exec(tx, stmt, []value.Value{id})
		if c, ok := errors.AsType[*store.ConstraintError](err); ok && c.Constraint == store.ForeignKey {
			return errs.Because(err, errs.Conflict, "the row is in use: other rows refer to it")
		}
		return err
	})
}

// question is what is asked of a row as it becomes.
type question struct {
	*request
	table   *table
	asked   asked
	created bool
}

// stored asks about the row as it is now stored, and returns it as the caller sees it.
func (q question) stored(tx store.Tx, was, values row) (w Written, err error) {
	stmt, err := q.table.afterStatement(q.request, q.asked, q.created, false)
	if err != nil {
		return w, err
	}
	w = Written{ID: values[0], Plain: true}
	inputs := values[:1]
	if stmt.Inputs > 1 {
		inputs = q.inputs(was, values)
	}
	err = q.request.query(tx, stmt, inputs, func(cols value.Row) error {
		if err := q.judge(cols); err != nil {
			return err
		}
		first := 1 + len(q.asked.rules) + len(q.db.rules.Table(q.table.Table).Checks)
		w.Revision = cols.Int(first + len(q.table.plain.fields))
		if holds(cols, 0) {
			w.JSON = q.table.plain.appendRow(nil, offset{cols, first})
		}
		return nil
	})
	return w, err
}

// judge refuses the row where a rule (403) or a check (422) does.
func (q question) judge(cols value.Row) error {
	for i := range q.asked.rules {
		if !holds(cols, 1+i) {
			return q.denied()
		}
	}
	var faults []errs.Fault
	for i, c := range q.db.rules.Table(q.table.Table).Checks {
		if !holds(cols, 1+len(q.asked.rules)+i) {
			faults = append(faults, errs.Fault{Code: "check", Detail: c.Message})
		}
	}
	if len(faults) > 0 {
		e := errs.New(errs.Invalid, "the row does not pass %s", count(len(faults), "check"))
		e.Faults = faults
		return e
	}
	return nil
}

func (q question) inputs(was, values row) []value.Value {
	inputs := make([]value.Value, 1+2*len(values))
	inputs[0] = values[0]
	copy(inputs[1:], was)
	copy(inputs[1+len(values):], values)
	return inputs
}

// constraint is the answer where a constraint refused the write. What a rule or a check says goes before it: they are
// asked about the row as it would have become.
func (q question) constraint(tx store.Tx, was, values row, err error) error {
	c, ok := errors.AsType[*store.ConstraintError](err)
	if !ok || c.Constraint == store.Other {
		return err
	}
	if c.Constraint == store.ForeignKey {
		nowhere, err := q.nowhere(tx, values)
		if err != nil {
			return err
		}
		return q.refused(tx, was, values, nil, referenceConflict(q.table, nowhere))
	}
	conflict := errs.Because(err, errs.Conflict, "the row conflicts with another")
	for _, name := range c.Columns {
		conflict.Faults = append(conflict.Faults, errs.Fault{Pointer: pointer(name), Code: c.Constraint.String(), Detail: "another row has this value" + together(c.Columns)})
	}
	return q.refused(tx, was, values, nil, conflict)
}

// nowhere are the references of a row that lead nowhere: those that a default set, since the others were looked up.
func (q question) nowhere(tx store.Tx, values row) ([]*schema.Field, error) {
	var fields []*schema.Field
	for i, f := range q.table.Fields {
		if f.Ref == nil || values[i].IsNull() {
			continue
		}
		found, err := q.exists(tx, q.db.tables[f.Ref], values[i], true)
		if err != nil {
			return nil, err
		}
		if !found {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

func together(columns []string) string {
	if len(columns) < 2 {
		return ""
	}
	return ", with the same values of the other " + strconv.Itoa(len(columns)-1) + " named here"
}

// refused is conflict, unless a rule or a check refuses the row anyway. References that lead nowhere in the caller's
// eyes are taken as missing, so that a hidden row and none make no difference.
func (q question) refused(tx store.Tx, was, values row, hidden []*schema.Field, conflict *errs.Error) error {
	values = slices.Clone(values)
	for _, f := range hidden {
		values[q.table.index[f]] = value.Value{}
	}
	stmt, err := q.table.afterStatement(q.request, q.asked, q.created, true)
	if err != nil {
		return err
	}
	if err := q.request.query(tx, stmt, q.inputs(was, values), q.judge); err != nil {
		return err
	}
	return conflict
}

// offset is a row from one of its columns on.
type offset struct {
	value.Row
	first int
}

func (o offset) Null(col int) bool                { return o.Row.Null(o.first + col) }
func (o offset) Int(col int) int64                { return o.Row.Int(o.first + col) }
func (o offset) Float(col int) float64            { return o.Row.Float(o.first + col) }
func (o offset) Bytes(col int) []byte             { return o.Row.Bytes(o.first + col) }
func (o offset) Decimal(col int, scale int) int64 { return o.Row.Decimal(o.first+col, scale) }
