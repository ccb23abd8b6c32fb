package record

import (
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Tx is the rows of a model inside a transaction of the store. Its methods do what those of DB do, and see what the
// transaction has written so far. After an error the transaction can go on only if its caller gives it up.
type Tx struct {
	db *DB
	tx store.Tx
}

// In returns the rows as a running transaction sees them.
func (d *DB) In(tx store.Tx) *Tx { return &Tx{d, tx} }

// Create creates a row.
func (x *Tx) Create(who caller.Caller, t *model.Table, members []value.Member) (Row, error) {
	r := x.db.request(who)
	defer r.done()
	c, err := r.creation(t, members)
	if err != nil {
		return Row{}, err
	}
	if err := c.run(x.tx); err != nil {
		return Row{}, err
	}
	return c.row, nil
}

// Update applies a JSON merge patch to a row. It merges into json fields inside the transaction, so it refuses patches of
// large ones.
func (x *Tx) Update(who caller.Caller, t *model.Table, id value.Value, patch []value.Member, match Match) (Row, error) {
	r := x.db.request(who)
	defer r.done()
	u, err := r.change(t, id, patch, match)
	if err != nil {
		return Row{}, err
	}
	if err := u.run(x.tx); err != nil {
		return Row{}, err
	}
	return u.row, nil
}

// Delete deletes a row, and the rows that reference it as the model says. It refuses a deletion that reaches many rows,
// because that needs a transaction of its own.
func (x *Tx) Delete(who caller.Caller, t *model.Table, id value.Value, match Match) error {
	r := x.db.request(who)
	defer r.done()
	del, err := r.deletion(t, id, match)
	if err != nil {
		return err
	}
	if err := del.run(x.tx); err != errFar {
		return err
	}
	return errs.New(errs.Conflict, "more than %d rows would be deleted or changed with this one: delete it on its own", x.db.farReach)
}

// Get reads a row.
func (x *Tx) Get(who caller.Caller, t *model.Table, id value.Value, v View) (Row, error) {
	r := x.db.request(who)
	defer r.done()
	if err := r.allow(t, Read); err != nil {
		return Row{}, err
	}
	if _, _, err := r.single.prepare(t, id, v, nil); err != nil {
		return Row{}, err
	}
	if err := r.single.readFrom(x.tx); err != nil {
		return Row{}, err
	}
	return r.single.row, nil
}

// List reads a page. It counts a total in the transaction, whatever is remembered of totals outside.
func (x *Tx) List(who caller.Caller, t *model.Table, q Query) ([]byte, error) {
	r := x.db.request(who)
	defer r.done()
	if err := r.allow(t, Read); err != nil {
		return nil, err
	}
	p, _, err := r.page(t, q)
	if err != nil {
		return nil, err
	}
	p.inTx = true
	p.ranges = p.findRanges()
	return p.read(x.tx, nil)
}

// page resolves the parameters of a list.
func (r *request) page(t *model.Table, q Query) (*page, shapeKey, error) {
	s, key, err := r.db.query(t, q)
	if err != nil {
		return nil, key, err
	}
	args, err := s.arguments(q.Args)
	if err != nil {
		return nil, key, err
	}
	p := &page{request: r, shape: s, query: q}
	if q.Cursor != "" {
		if p.start, err = cursor.Decode(q.Cursor, p.cursorList(), sortFields(s.sort)); err != nil {
			return nil, key, err
		}
	}
	r.unbindFilter()
	if s.filter != nil {
		r.bindFilter(&s.slots, args)
		if what := s.text.Exceeded(r.values); what != "" {
			return nil, key, errs.New(errs.Malformed, "filter: %s", what)
		}
	}
	return p, key, nil
}
