package record

import (
	"context"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
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
func (x *Tx) Create(who caller.Caller, t *model.Table, members []value.Member) (Written, error) {
	w, err := x.db.creation(who, t, members)
	defer w.done()
	if err != nil {
		return Written{}, err
	}
	if err := w.run(x.tx); err != nil {
		return Written{}, err
	}
	return w.row, nil
}

// Create creates a row of a table from the members of a body.
func (d *DB) Create(ctx context.Context, who caller.Caller, t *model.Table, members []value.Member) (_ Written, err error) {
	defer errs.Wrap(&err, "record.Create(%s)", t.Name)
	w, err := d.creation(who, t, members)
	defer w.done()
	if err != nil {
		return Written{}, err
	}
	if err := d.write(ctx, who, w.script, w.run); err != nil {
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

// creation checks what needs no database. It is given back with done, whatever the error.
func (d *DB) creation(who caller.Caller, t *model.Table, members []value.Member) (*creation, error) {
	c := &creation{request: d.request(who), table: d.tables[t]}
	r := c.request
	if err := r.allow(t, Create); err != nil {
		return c, err
	}
	c.in = c.table.members(who, members, nil)
	c.in.complete(r, c.table)
	c.asked = r.asked(c.table, Create, d.rules.Table(t).Create, c.in.given)
	return c, c.in.err()
}

// run may run more than once. An assigned id that another transaction takes at the same time is not the client's fault.
func (c *creation) run(tx store.Tx) (err error) {
	for range assignTries {
		if err = c.runOnce(tx); err == nil || !c.assignedTaken(err) {
			return err
		}
	}
	return err
}

func (c *creation) runOnce(tx store.Tx) error {
	values := append(make(row, 0, len(c.in.values)+1), c.in.values...) // with room for the revision
	if err := c.assignID(tx, values); err != nil {
		return err
	}
	hidden, err := c.hiddenReferences(tx, c.table, c.in.given, values, nil, nil)
	if err != nil {
		return err
	}
	ask := question{request: c.request, table: c.table, asked: c.asked, created: true, given: c.in.given}
	if len(hidden) > 0 {
		return ask.refused(tx, nil, values, hidden, referenceConflict(c.table, hidden))
	}
	insert, err := c.table.insertStatement(c.request, c.asked)
	if err != nil {
		return err
	}
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	tx.Touch(c.table.Name)
	c.row, err = ask.write(tx, revision, insert, append(values, value.OfInt(revision)), nil, values)
	return err
}

// assignID gives a new row the id that the client did not.
func (c *creation) assignID(tx store.Tx, values row) error {
	if !values[0].IsNull() {
		return nil
	}
	if c.table.Key == model.UUID {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		values[0] = value.OfUUID(id.String())
		return nil
	}
	return c.assignInt(tx, values)
}
