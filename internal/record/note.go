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

// The outcomes of a look for an answer or a total: it was kept, it was kept and not compared with the rows (cache.stale), it
// was not kept, or another request just computed it.
const hit, stale, miss, shared = "hit", "stale", "miss", "shared"

// noteCache notes whether the answer of a page or its total was in the cache.
func (p *page) noteCache(outcome string) { noteCache(p.req.passage, outcome) }

// noteTotal notes whether a total was in the cache, unless the page was looked for.
func (p *page) noteTotal(outcome string) {
	if !p.versioned {
		p.noteCache(outcome)
	}
}

func noteCache(ctx context.Context, outcome string) {
	if r := telemetry.RecordOf(ctx); r != nil {
		r.Cache = outcome
	}
}
