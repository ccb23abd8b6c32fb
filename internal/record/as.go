package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Rows are the rows of a model for one request of one caller. The caller's access is worked out once. Rows are not safe for
// concurrent use.
type Rows struct{ request *request }

// As returns the rows for a request of a caller. Call Done after their use. The JSON of a row that they create or change is valid
// until then.
func (d *DB) As(who caller.Caller) Rows {
	r := d.request(who)
	r.lends = true
	return Rows{r}
}

// Done gives the memory of the request to a later one.
func (r Rows) Done() { r.request.end() }

// Table returns the rows of one table.
func (r Rows) Table(t *model.Table) Table { return Table{r.request, t} }

// Table is the rows of one table for one request of one caller.
type Table struct {
	request *request
	table   *model.Table
}

// Allow is DB.Allow.
func (t Table) Allow(op Op) error { return t.request.allow(t.table, op) }

// List is DB.List with the tag of the answer. An answer that is not shared is in the memory of buf, or of a larger one. A long
// one begins in pieces.
func (t Table) List(ctx context.Context, q Query, buf []byte) (Answer, error) {
	p, body, err := t.request.list(ctx, t.table, q, buf[:0], true)
	if err != nil {
		if p != nil {
			p.text.Free()
		}
		return Answer{}, err
	}
	return p.answer(body, 0), nil
}

// Get is DB.Get.
func (t Table) Get(ctx context.Context, id value.Value, sel Selection, dst []byte) (Row, error) {
	return t.request.get(ctx, t.table, id, sel, dst)
}

// Create is DB.Create.
func (t Table) Create(ctx context.Context, members []value.Member) (Row, error) {
	t.request.renew()
	return t.request.create(ctx, t.table, members)
}

// Update is DB.Update.
func (t Table) Update(ctx context.Context, id value.Value, patch []value.Member, match Match) (Row, error) {
	t.request.renew()
	return t.request.update(ctx, t.table, id, patch, match)
}

// Delete is DB.Delete.
func (t Table) Delete(ctx context.Context, id value.Value, match Match) error {
	t.request.renew()
	return t.request.delete(ctx, t.table, id, match)
}
