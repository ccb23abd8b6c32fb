package record

import (
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// assignTries bounds the tries to assign an id to one row. A second try is rare. A third needs clients that take ids in
// islands, or at the same moment.
const assignTries = 16

// newUUID returns the id of a new row.
func newUUID() (value.Value, error) {
	id, err := uuid.NewV7()
	return value.OfUUID(id.String()), err
}

// assignInt draws the id of a new row from the counter of its table. Clients and seeds give ids without telling the
// counter, because that would cost each of their creates a statement. If the drawn id is taken, the counter skips to a
// free one. That costs the same for three taken ids and for three million.
func (r *request) assignInt(tx store.Tx, t *table) (value.Value, error) {
	counter := "id:" + t.Name
	for range assignTries {
		n, err := tx.NextID(counter)
		if err != nil {
			return value.Value{}, err
		}
		id := value.OfInt(n)
		taken, err := r.exists(tx, t, id)
		if err != nil || !taken {
			return id, err
		}
		free, err := r.freeID(tx, t, n)
		if err != nil {
			return value.Value{}, err
		}
		// The next try draws the free id, because another transaction may have found the same one.
		if err := tx.Skip(counter, n, free-1); err != nil {
			return value.Value{}, err
		}
	}
	return value.Value{}, errNoFreeID()
}

// freeID finds a free id above a taken one.
func (r *request) freeID(tx store.Tx, t *table, taken int64) (free int64, err error) {
	stmt, err := t.freeIDStatement(r.Binding)
	if err != nil {
		return 0, err
	}
	err = r.Query(tx, stmt, []value.Value{value.OfInt(taken)}, func(cols value.Row) error {
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

// isIDConflict reports whether a row was refused because another row has its id.
func isIDConflict(err error) bool {
	refusal, ok := errors.AsType[*store.ConstraintError](err)
	return ok && errs.KindOf(err) == errs.Conflict && refusal.Constraint == store.Unique && slices.Equal(refusal.Columns, []string{"id"})
}
