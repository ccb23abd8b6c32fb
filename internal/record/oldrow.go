package record

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// readOld reads the old row of a write. In a transaction it locks the row. It refuses, in this order:
//   - a missing row, or one that the caller may not read: errs.NotFound
//   - a row with another revision: errs.Stale
//   - a row that the table's rule protects: errs.Forbidden or errs.Unauthenticated
func (r *request) readOld(reader store.Reader, t *table, id value.Value, match Match, d decision) (*input.Stored, error) {
	_, locks := reader.(store.Tx)
	stmt, err := t.oldRowStatement(r.Binding, d, locks)
	if err != nil {
		return nil, err
	}
	old := &input.Stored{}
	var allowed bool
	err = r.Query(reader, stmt, []value.Value{id}, func(cols value.Row) error {
		old.Revision, allowed = cols.Int(0), holds(cols, 1)
		for i, f := range d.fields {
			if !holds(cols, 2+i) {
				old.Refused = append(old.Refused, f)
			}
		}
		for i, m := range d.masks {
			if !holds(cols, 1+len(d.rules)+i) {
				old.Masked = append(old.Masked, m.field)
			}
		}
		if !r.mayAnswer(t.Table) {
			old.Masked = t.Fields
		}
		old.Values = t.scan(cols, 1+len(d.rules)+len(d.masks))
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case old.Values == nil:
		return nil, notFound(t.Table)
	case match != nil && !match(old.Revision):
		return nil, errs.New(errs.Stale, "the row has changed: read it again, then send the change with its new ETag")
	case !allowed:
		return nil, r.denied()
	}
	return old, nil
}
