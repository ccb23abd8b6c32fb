package record

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// assignTries bounds how often an id is drawn for one row. A second try is rare; a third takes clients that give ids in
// islands, or at the same moment.
const assignTries = 16

// assignInt gives a new row the next number of its table's counter. Clients and seeds give ids too, and the counter does
// not know of them: to tell it would cost each such create a statement. Where the number is taken, the counter skips to
// one that is free, at the same cost for three taken ids as for three million.
func (c *creation) assignInt(tx store.Tx, values row) error {
	counter := "id:" + c.table.Name
	for range assignTries {
		n, err := tx.Next(counter)
		if err != nil {
			return err
		}
		values[0] = value.OfInt(n)
		taken, err := c.exists(tx, c.table, values[0], true)
		if err != nil || !taken {
			return err
		}
		free, err := c.freeID(tx, n)
		if err != nil {
			return err
		}
		// The free number itself is drawn, since another transaction may have found the same.
		if err := tx.Skip(counter, n, free-1); err != nil {
			return err
		}
	}
	return errNoFreeID()
}

// freeID finds an id behind one that is taken.
func (c *creation) freeID(tx store.Tx, n int64) (free int64, err error) {
	stmt, err := c.table.freeStatement(c.request)
	if err != nil {
		return 0, err
	}
	err = c.query(tx, stmt, []value.Value{value.OfInt(n)}, func(cols value.Row) error {
		free = cols.Int(0)
		return nil
	})
	if err == nil && free == 0 {
		err = errNoFreeID()
	}
	return free, err
}

func errNoFreeID() error {
	return errs.New(errs.Conflict, "no free id was found: give the row an id")
}

// assignedTaken says whether a row was refused because of the id that was assigned to it.
func (c *creation) assignedTaken(err error) bool {
	if c.table.Key != model.Int || !c.in.values[0].IsNull() || errs.KindOf(err) != errs.Conflict {
		return false
	}
	refusal, ok := errors.AsType[*store.ConstraintError](err)
	return ok && refusal.Constraint == store.Unique && slices.Equal(refusal.Columns, []string{"id"})
}
