package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// noteRead notes the shape of a read and the number of its rows in the record of a request about the table. Other work reads
// tables too: the check of a session belongs to requests about any table.
func noteRead(ctx context.Context, t *model.Table, shape string, rows int) {
	if r := telemetry.RecordOf(ctx); r != nil && r.Table == t.Name {
		r.Shape, r.Rows = shape, rows
	}
}

// noteWrite notes what a write did.
func (t *table) noteWrite(ctx context.Context, op Op, err error) {
	if r := telemetry.RecordOf(ctx); r != nil && r.Table == t.Name {
		if r.Shape = t.shapes[op]; err == nil {
			r.Rows = 1
		}
	}
}

// The outcomes of a look for a total.
const hit, miss = "hit", "miss"

// noteCache notes whether a total was in the cache.
func (p *page) noteCache(outcome string) {
	if r := telemetry.RecordOf(p.req.passage); r != nil {
		r.Cache = outcome
	}
}
