package record

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Rows are the rows of a model for one request of one caller. The parts of rules that need no row are evaluated once.
// Rows are not safe for concurrent use.
type Rows struct{ request *request }

// As returns the rows for a request of the caller. Done ends their use.
func (d *DB) As(who caller.Caller) Rows { return Rows{d.request(who)} }

// Done gives the memory of the request to another one.
func (r Rows) Done() { r.request.done() }

// Table returns the rows of one table.
func (r Rows) Table(t *model.Table) Table { return Table{r.request, t} }

// Table is the rows of one table for one request of one caller.
type Table struct {
	request *request
	table   *model.Table
}

// Allow says whether the caller may do it to any row at all, as DB.Allow does.
func (t Table) Allow(op Op) error { return t.request.allow(t.table, op) }

// List reads a page, as DB.List does.
func (t Table) List(ctx context.Context, q Query, dst []byte) ([]byte, error) {
	return t.request.list(ctx, t.table, q, dst)
}

// Get reads one row, as DB.Get does.
func (t Table) Get(ctx context.Context, id value.Value, v View, dst []byte) (Row, error) {
	return t.request.get(ctx, t.table, id, v, dst)
}

// Create creates a row, as DB.Create does.
func (t Table) Create(ctx context.Context, members []value.Member) (Row, error) {
	t.request.renew()
	return t.request.create(ctx, t.table, members)
}

// Update changes a row, as DB.Update does.
func (t Table) Update(ctx context.Context, id value.Value, patch []value.Member, match Match) (Row, error) {
	t.request.renew()
	return t.request.update(ctx, t.table, id, patch, match)
}

// Delete deletes a row, as DB.Delete does.
func (t Table) Delete(ctx context.Context, id value.Value, match Match) error {
	t.request.renew()
	return t.request.delete(ctx, t.table, id, match)
}

// maxAge is how old the time of a request may be when it writes. A client may take long to send the body, and rules may
// depend on the time.
const maxAge = 50 * time.Millisecond

// renew evaluates the slots again if the request began long ago.
func (r *request) renew() {
	now := r.db.now().UnixMicro()
	if now-r.env.Now > maxAge.Microseconds() {
		r.begin(now)
	}
}
