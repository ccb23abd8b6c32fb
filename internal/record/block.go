package record

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// block is the rows of one level, as JSON with holes where the next level belongs.
type block struct {
	out   *output
	buf   []byte
	rows  []blockRow
	holes []int   // places in buf: those of the first row, one an expansion, then those of the second
	leads []leads // by expansion
}

// blockRow is one row: buf[start:end] is its JSON.
type blockRow struct {
	start, end int
	id         string // of a row of a list that is expanded
}

// leads are the keys that one expansion leads to, each once.
type leads struct {
	keys []string
	at   map[string]int // in keys
	of   []int          // by row; none where a reference is missing or masked
}

const none = -1

// keptBlock bounds the memory of a block that is kept for another request, in bytes of JSON.
const keptBlock = 256 << 10

// block returns an empty block, which is another request's as soon as release was called.
func (r *request) block(out *output) *block {
	b, _ := r.db.blocks.Get().(*block)
	if b == nil {
		b = &block{}
	}
	b.reset(out)
	r.blocks = append(r.blocks, b)
	return b
}

func (b *block) reset(out *output) {
	b.out, b.buf, b.rows, b.holes = out, b.buf[:0], b.rows[:0], b.holes[:0]
	for len(b.leads) < len(out.expand) {
		b.leads = append(b.leads, leads{at: map[string]int{}})
	}
	for i := range b.leads {
		l := &b.leads[i]
		clear(l.keys)
		clear(l.at)
		l.keys, l.of = l.keys[:0], l.of[:0]
	}
}

// release gives the blocks of the request to others.
func (r *request) release() {
	r.drop(0)
	r.blocks = nil
}

// drop gives those to others that the request took after the first n.
func (r *request) drop(n int) {
	for i, b := range r.blocks[n:] {
		if cap(b.buf) <= keptBlock {
			r.db.blocks.Put(b)
		}
		r.blocks[n+i] = nil
	}
	r.blocks = r.blocks[:n]
}

// add appends a row.
func (b *block) add(row value.Row, id string) {
	start := len(b.buf)
	for i := range b.out.members {
		m := &b.out.members[i]
		b.buf = append(b.buf, m.prefix...)
		if m.col < 0 {
			b.holes = append(b.holes, len(b.buf))
			continue
		}
		b.buf = value.AppendJSON(b.buf, b.out.fields[m.col], row, m.col)
	}
	b.buf = closeObject(b.buf, len(b.out.members))
	for i, e := range b.out.expand {
		b.leads[i].add(b.out.fields[e.col], row, e.col)
	}
	b.rows = append(b.rows, blockRow{start, len(b.buf), id})
}

// cut leaves the first n rows, of which there is one at least.
func (b *block) cut(n int) {
	b.rows = b.rows[:n]
	b.buf = b.buf[:b.rows[n-1].end]
	b.holes = b.holes[:n*len(b.out.expand)]
	for i := range b.out.expand {
		b.leads[i].cut(n)
	}
}

// cut leaves what the first n rows lead to. Keys stand in the order of the rows.
func (l *leads) cut(n int) {
	l.of = l.of[:n]
	keys := 0
	for _, i := range l.of {
		keys = max(keys, i+1)
	}
	for _, key := range l.keys[keys:] {
		delete(l.at, key)
	}
	l.keys = l.keys[:keys]
}

// add notes where the next row leads.
func (l *leads) add(f *model.Field, row value.Row, col int) {
	if row.Null(col) {
		l.of = append(l.of, none)
		return
	}
	i, known := l.find(f, row, col)
	if !known {
		i = len(l.keys)
		key := keyText(f, row, col)
		l.keys = append(l.keys, key)
		l.at[key] = i
	}
	l.of = append(l.of, i)
}

// find returns the index of a key that a column holds.
func (l *leads) find(f *model.Field, row value.Row, col int) (i int, known bool) {
	if f.Type == model.Int {
		var room [20]byte
		i, known = l.at[string(strconv.AppendInt(room[:0], row.Int(col), 10))]
	} else {
		i, known = l.at[string(row.Bytes(col))]
	}
	return i, known
}

// keyText is a key as text. It is not missing.
func keyText(f *model.Field, row value.Row, col int) string {
	if f.Type == model.Int {
		return strconv.FormatInt(row.Int(col), 10)
	}
	return string(row.Bytes(col))
}

// filled is a block with its expansions.
type filled struct {
	*block
	expansions []filledExpansion
}

// filledExpansion is what goes into the holes of one expansion.
type filledExpansion struct {
	exp   *expansion
	rows  *filled
	found []found // by key, as leads has them
	after []int   // by row of rows: the next one of the same key, or none
}

// found are the rows that one key leads to, as a chain.
type found struct {
	first, last, count int
	next               string // the cursor of a list that goes on
}

func newExpansion(e *expansion, keys int, b *block) filledExpansion {
	f := filledExpansion{exp: e, rows: &filled{block: b}, found: make([]found, keys)}
	for i := range f.found {
		f.found[i] = found{first: none, last: none}
	}
	return f
}

// link appends the last row of the block to the chain of a key.
func (f *filledExpansion) link(key int) {
	row := len(f.rows.block.rows) - 1
	f.after = append(f.after, none)
	c := &f.found[key]
	if c.first == none {
		c.first = row
	} else {
		f.after[c.last] = row
	}
	c.last = row
	c.count++
}
