package record

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record/render"
)

// maxPooledBlock bounds the memory, in bytes, of a block that goes back to the pool.
const maxPooledBlock = 256 << 10

// block returns an empty block. It is valid until releaseBlocks.
func (r *request) block(out *render.Output) *render.Block {
	b, _ := r.db.blocks.Get().(*render.Block)
	if b == nil {
		b = &render.Block{}
	}
	b.Reset(out)
	r.blocks = append(r.blocks, b)
	return b
}

// releaseBlocks returns all blocks of the request to the pool.
func (r *request) releaseBlocks() {
	r.releaseBlocksAfter(0)
	r.blocks = nil
}

// releaseBlocksAfter returns the blocks after the first n to the pool.
func (r *request) releaseBlocksAfter(n int) {
	for i, b := range r.blocks[n:] {
		if b.Shrink() <= maxPooledBlock {
			r.db.blocks.Put(b)
		}
		r.blocks[n+i] = nil
	}
	r.blocks = r.blocks[:n]
}

// tooLarge is the error for one row that exceeds the bounds of an answer.
func (d *DB) tooLarge() error {
	bounds := d.limits.answer
	return errs.New(errs.Malformed, "one row with its expansions is larger than %d MiB or has more than %d rows: ask for fewer fields or expansions", bounds.Bytes>>20, bounds.Rows)
}
