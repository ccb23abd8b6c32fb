package record

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Tx is the rows of a model for one caller inside a transaction of the store. The caller's access is worked out once. Its
// methods do what the methods of DB do, and see what the transaction has written. After an error the caller must give the
// transaction up. A Tx is not safe for concurrent use.
type Tx struct {
	request *request
	tx      store.Tx
}

// In returns the rows as a running transaction sees them. Call Done after their use.
func (d *DB) In(tx store.Tx, who caller.Caller) *Tx {
	x := &Tx{d.request(who), tx}
	if x.request.guard.on {
		tx.Guard(x.request.guard.step)
	}
	return x
}

// Done gives the memory of the request to a later one.
func (x *Tx) Done() { x.request.end() }

// Create creates a row.
func (x *Tx) Create(t *model.Table, members []value.Member) (Row, error) {
	c, err := x.request.newCreation(t, members)
	if err != nil {
		return Row{}, err
	}
	if err := c.run(x.tx); err != nil {
		return Row{}, err
	}
	return c.result, nil
}

// Update applies a JSON merge patch to a row. It merges json fields inside the transaction, so it refuses patches of large
// ones.
func (x *Tx) Update(t *model.Table, id value.Value, patch []value.Member, match Match) (Row, error) {
	u, err := x.request.newChange(t, id, patch, match)
	if err != nil {
		return Row{}, err
	}
	if err := u.run(x.tx); err != nil {
		return Row{}, err
	}
	return u.result, nil
}

// Delete deletes a row. The model says what happens to rows that refer to it. Delete refuses a deletion that reaches many
// rows, because that needs a transaction of its own.
func (x *Tx) Delete(t *model.Table, id value.Value, match Match) error {
	del, err := x.request.newDeletion(t, id, match)
	if err != nil {
		return err
	}
	if err := del.run(x.tx); err != errManyRows {
		return err
	}
	return errs.Wrapf(errManyRows, errs.Conflict, "more than %d rows would be deleted or changed with this one: delete it on its own", x.request.db.limits.cascadeRows)
}

// ReachesMany reports whether Tx.Delete has refused a deletion because it needs a transaction of its own.
func ReachesMany(err error) bool { return errors.Is(err, errManyRows) }

// Get reads a row.
func (x *Tx) Get(t *model.Table, id value.Value, sel Selection) (Row, error) {
	if err := x.request.allow(t, Read); err != nil {
		return Row{}, err
	}
	read := x.request.rowRead
	if _, _, err := read.prepare(t, id, sel, nil); err != nil {
		return Row{}, err
	}
	if err := read.readFrom(x.tx); err != nil {
		return Row{}, err
	}
	return read.row, nil
}

// List reads a page. It counts a total in the transaction and does not cache it.
func (x *Tx) List(t *model.Table, q Query) ([]byte, error) {
	if err := x.request.allow(t, Read); err != nil {
		return nil, err
	}
	p, err := x.request.newPage(t, q)
	if err != nil {
		return nil, err
	}
	p.inTx = true
	return p.read(x.tx, nil)
}
