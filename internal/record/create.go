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

// Match is a condition on the revision of the row that a write changes; nil asks for none.
type Match func(revision int64) bool

// Create creates a row of a table from the members of a body.
func (d *DB) Create(ctx context.Context, who caller.Caller, t *model.Table, members []value.Member) (Row, error) {
	r := d.request(who)
	defer r.done()
	return r.create(ctx, t, members)
}

func (r *request) create(ctx context.Context, t *model.Table, members []value.Member) (_ Row, err error) {
	defer errs.Wrap(&err, "record.Create(%s)", t.Name)
	c, err := r.creation(t, members)
	if err != nil {
		return Row{}, err
	}
	if err := r.db.write(ctx, r.who(), c.script, c.run); err != nil {
		return Row{}, err
	}
	return c.row, nil
}

// creation is a row about to be created.
type creation struct {
	*request
	table *table
	in    *input
	asked asked
	row   Row
}

// creation checks what needs no database.
func (r *request) creation(t *model.Table, members []value.Member) (*creation, error) {
	if err := r.allow(t, Create); err != nil {
		return nil, err
	}
	c := &creation{request: r, table: r.db.tables[t]}
	c.in = c.table.members(r.who(), members, nil)
	c.in.complete(r, c.table)
	c.asked = r.asked(c.table, Create, r.db.rules.Table(t).Create, c.in.given)
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
	revision, err := tx.Revision()
	if err != nil {
		return err
	}
	w, err := c.build(revision, values)
	if err != nil {
		return err
	}
	done, err := w.run(tx)
	if done {
		return err
	}
	return c.check().explain(tx, nil, values, nil, err)
}

// script returns the creation as a script, or nil if the database has to assign the id first.
func (c *creation) script(revision int64) (*store.Script, error) {
	given := !c.in.values[0].IsNull()
	if !given && c.table.Key != model.UUID {
		return nil, nil
	}
	values := append(make(row, 0, len(c.in.values)+1), c.in.values...)
	if err := c.assignID(nil, values); err != nil {
		return nil, err
	}
	w, err := c.build(revision, values)
	if err != nil {
		return nil, err
	}
	order := "" // nobody else wants the row of a new UUID
	if given {
		order = c.table.lockOrder(values[0])
	}
	return w.script(order, c.table.unique), nil
}

func (c *creation) check() rowCheck {
	return rowCheck{request: c.request, table: c.table, asked: c.asked, created: true, given: c.in.given}
}

func (c *creation) build(revision int64, values row) (*rowWrite, error) {
	insert, err := c.table.insertStatement(c.request, c.asked)
	if err != nil {
		return nil, err
	}
	return c.check().build(Create, revision, insert, append(values, value.OfInt(revision)), nil, values, nil, &c.row)
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
