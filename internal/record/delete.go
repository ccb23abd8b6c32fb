package record

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Delete deletes a row.
func (d *DB) Delete(ctx context.Context, who caller.Caller, t *schema.Table, id value.Value, match Match) (err error) {
	defer errs.Wrap(&err, "record.Delete(%s)", t.Name)
	r := d.request(who)
	defer r.done()
	if err := r.allow(t, Delete); err != nil {
		return err
	}
	table := d.tables[t]
	a := r.asked(table, Delete, d.rules.Table(t).Delete, nil)
	return d.store.Write(ctx, func(tx store.Tx) error {
		if _, _, _, err := r.before(tx, table, id, match, a); err != nil {
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
