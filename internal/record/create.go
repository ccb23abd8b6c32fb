package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Create creates a row of a table from the members of a body.
func (d *DB) Create(ctx context.Context, who caller.Caller, t *model.Table, members []value.Member) (Row, error) {
	r := d.request(who)
	defer r.end()
	return r.create(ctx, t, members)
}

func (r *request) create(ctx context.Context, t *model.Table, members []value.Member) (_ Row, err error) {
	defer errs.Wrap(&err, "record.Create(%s)", t.Name)
	defer func() { r.db.tables[t].noteWrite(ctx, Create, err) }()
	r.noteTrace(ctx)
	c, err := r.newCreation(t, members)
	if err != nil {
		return Row{}, err
	}
	if err := r.write(ctx, c.script, c.run); err != nil {
		return Row{}, r.orStepUp(ctx, t, Create, err, func(stronger *request, tx store.Tx) error {
			again, err := stronger.newCreation(t, members)
			if err != nil {
				return err
			}
			return again.run(tx)
		})
	}
	return c.result, nil
}

// A creation creates one row.
type creation struct {
	req    *request
	table  *table
	body   *input.Body // its values become the new row
	hasID  bool        // the client gave the id
	check  rowCheck
	result Row
}

// newCreation checks what needs no database.
func (r *request) newCreation(t *model.Table, members []value.Member) (*creation, error) {
	if err := r.allow(t, Create); err != nil {
		return nil, err
	}
	table := r.db.tables[t]
	body := input.ForCreate(t, members, r.Caller().IsSystem())
	body.FillDefaults(r.db.rules, r.Env())
	body.Check(r.db.check)
	decision := table.decision(Create, r.db.rules.Table(t).Create, body.Given)
	check := rowCheck{req: r, table: table, decision: decision, created: true, given: body.Given}
	return &creation{req: r, table: table, body: body, hasID: !body.Values[0].IsNull(), check: check}, body.Err()
}

// run creates the row in a transaction. It may run more than once. It tries again if another transaction took the id that
// was assigned to the row.
func (c *creation) run(tx store.Tx) (err error) {
	for range assignTries {
		err = c.runOnce(tx)
		if err == nil || c.hasID || c.table.Key != model.Int || !isIDConflict(err) {
			return err
		}
	}
	return err
}

func (c *creation) runOnce(tx store.Tx) (err error) {
	values := c.body.Values
	switch {
	case c.hasID:
	case c.table.Key == model.UUID:
		values[0], err = newUUID()
	default:
		values[0], err = c.req.assignInt(tx, c.table)
	}
	if err != nil {
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
	return c.check.explain(tx, nil, values, err)
}

// script returns the creation as a script, or nil if the database has to assign the id first.
func (c *creation) script(revision int64) (_ *store.Script, err error) {
	if !c.hasID && c.table.Key != model.UUID {
		return nil, nil
	}
	values, order := c.body.Values, ""
	if c.hasID {
		order = c.table.lockOrder(values[0])
	} else if values[0], err = newUUID(); err != nil { // no other script locks the row of a new UUID
		return nil, err
	}
	w, err := c.buildKnown(revision, values)
	if w == nil && err == nil {
		w, err = c.build(revision, values)
	}
	if err != nil {
		return nil, err
	}
	return w.script(order, c.table.unique), nil
}

// buildKnown builds the write of a row that the caller may certainly read, and makes its answer from the values. It returns
// nil if the database has to be asked about the row.
func (c *creation) buildKnown(revision int64, values []value.Value) (*rowWrite, error) {
	insert, err := c.table.insertKnownStatement(c.req.Binding, c.check.decision)
	if err != nil || insert.SQL == "" {
		return nil, err
	}
	c.result = c.check.knownRow(values, revision)
	inputs := append(values, value.OfInt(revision))
	return c.check.buildWrite(writeSpec{op: Create, revision: revision, change: insert, inputs: inputs, values: values})
}

func (c *creation) build(revision int64, values []value.Value) (*rowWrite, error) {
	insert, err := c.table.insertStatement(c.req.Binding, c.check.decision)
	if err != nil {
		return nil, err
	}
	inputs := append(values, value.OfInt(revision))
	return c.check.buildWrite(writeSpec{op: Create, revision: revision, change: insert, inputs: inputs, values: values, result: &c.result})
}
