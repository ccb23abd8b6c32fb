package record

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record/render"
)

const (
	maxRows   = 50_000   // rows of one answer, at all levels together
	maxAnswer = 32 << 20 // bytes of one answer
)

// tooLarge is the error if nothing can be left out: the answer is one row.
func (d *DB) tooLarge() error {
	return errs.New(errs.Malformed, "one row with its expansions is larger than %d MiB or has more than %d rows: ask for fewer fields or expansions", d.bounds.Bytes>>20, d.bounds.Rows)
}

// keptBlock bounds the JSON, in bytes, of a block that is kept for another request.
const keptBlock = 256 << 10

// block returns an empty block. It belongs to another request after release.
func (r *request) block(out *render.Output) *render.Block {
	b, _ := r.db.blocks.Get().(*render.Block)
	if b == nil {
		b = &render.Block{}
	}
	b.Reset(out)
	r.blocks = append(r.blocks, b)
	return b
}

// release returns all blocks of the request to the pool.
func (r *request) release() {
	r.releaseAfter(0)
	r.blocks = nil
}

// releaseAfter returns the blocks to the pool that the request took after its first n.
func (r *request) releaseAfter(n int) {
	for i, b := range r.blocks[n:] {
		if b.Cap() <= keptBlock {
			r.db.blocks.Put(b)
		}
		r.blocks[n+i] = nil
	}
	r.blocks = r.blocks[:n]
}
