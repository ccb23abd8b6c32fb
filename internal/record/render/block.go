package render

import (
	"strconv"
	"sync"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Block holds the rows of one level as JSON, with holes for the rows of the next level. Its zero value is ready for Reset.
type Block struct {
	Output *Output
	full   [][]byte // JSON of the first rows, in chunks: one slice for all would be copied as a whole when it grows
	json   []byte   // the last chunk
	before int      // bytes in full
	rows   []blockRow
	holes  []int  // offsets in a chunk: one an expansion for the first row, then for the second
	keys   []Keys // by expansion
}

// blockRow is one row: its text is chunk[start:end].
type blockRow struct {
	chunk, start, end int    // chunk is an index in full, or len(full) for the last one
	id                string // of a row in an expanded list
}

// rowSize is the size of a blockRow, in bytes.
const rowSize = 40

const (
	chunkSize = 128 << 10        // bytes from which a chunk is full
	chunkCap  = chunkSize + 4096 // with room for a usual last row
	maxChunk  = 2 * chunkSize    // memory of the largest chunk that is kept
)

// chunks may be global: like every sync.Pool, it holds nothing visible to a request.
var chunks sync.Pool // of *[]byte

func newChunk() []byte {
	if chunk, ok := chunks.Get().(*[]byte); ok {
		return (*chunk)[:0]
	}
	return make([]byte, 0, chunkCap)
}

func freeChunk(chunk []byte) {
	if cap(chunk) >= chunkCap && cap(chunk) <= maxChunk {
		chunks.Put(&chunk)
	}
}

// Keys are the keys that one expansion leads to, without duplicates.
type Keys struct {
	List  []string
	index map[string]int // in List
	byRow []int          // index in List; none if the reference is null or masked
}

const none = -1

// Reset empties the block for rows of an output.
func (b *Block) Reset(out *Output) {
	b.keepChunks(0)
	b.Output, b.json, b.rows, b.holes = out, b.json[:0], b.rows[:0], b.holes[:0]
	for len(b.keys) < len(out.Expansions) {
		b.keys = append(b.keys, Keys{index: map[string]int{}})
	}
	for i := range b.keys {
		keys := &b.keys[i]
		clear(keys.List)
		clear(keys.index)
		keys.List, keys.byRow = keys.List[:0], keys.byRow[:0]
	}
}

// Len returns the number of rows.
func (b *Block) Len() int { return len(b.rows) }

// Bytes returns the size of the JSON so far.
func (b *Block) Bytes() int { return b.before + len(b.json) }

// Shrink empties the block, and frees what the next rows are unlikely to need. It returns how many bytes the block still has
// memory for.
func (b *Block) Shrink() int {
	b.keepChunks(0)
	b.json, b.rows = b.json[:0], b.rows[:0]
	return cap(b.json) + cap(b.rows)*rowSize
}

// chunk returns the chunk of a row.
func (b *Block) chunk(row *blockRow) []byte {
	if row.chunk < len(b.full) {
		return b.full[row.chunk]
	}
	return b.json
}

// keepChunks forgets all chunks after chunk n, which becomes the last one.
func (b *Block) keepChunks(n int) {
	if n == len(b.full) {
		return
	}
	freeChunk(b.json)
	b.json = b.full[n]
	for i, chunk := range b.full[n:] {
		b.before -= len(chunk)
		if i > 0 {
			freeChunk(chunk)
		}
		b.full[n+i] = nil
	}
	b.full = b.full[:n]
}

// Keys returns the keys of an expansion.
func (b *Block) Keys(expansion int) *Keys { return &b.keys[expansion] }

// Add appends a row. The id is needed only if a cursor may point after the row.
func (b *Block) Add(row value.Row, id string) {
	if len(b.json) >= chunkSize {
		b.full, b.before, b.json = append(b.full, b.json), b.Bytes(), newChunk()
	}
	start := len(b.json)
	for i := range b.Output.members {
		member := &b.Output.members[i]
		b.json = append(b.json, member.prefix...)
		if member.column == none {
			b.holes = append(b.holes, len(b.json))
			continue
		}
		b.json = value.AppendJSON(b.json, b.Output.Fields[member.column], row, member.column)
	}
	b.json = closeObject(b.json, len(b.Output.members))
	for i, expansion := range b.Output.Expansions {
		b.keys[i].add(b.Output.Fields[expansion.column], row, expansion.column)
	}
	b.rows = append(b.rows, blockRow{len(b.full), start, len(b.json), id})
}

// Cut keeps the first n rows. n is at least 1.
func (b *Block) Cut(n int) {
	b.rows = b.rows[:n]
	b.keepChunks(b.rows[n-1].chunk)
	b.json = b.json[:b.rows[n-1].end]
	b.holes = b.holes[:n*len(b.Output.Expansions)]
	for i := range b.Output.Expansions {
		b.keys[i].cut(n)
	}
}

// cut keeps the keys of the first n rows. List has the keys in the order of the rows.
func (k *Keys) cut(n int) {
	k.byRow = k.byRow[:n]
	kept := 0
	for _, i := range k.byRow {
		kept = max(kept, i+1)
	}
	for _, key := range k.List[kept:] {
		delete(k.index, key)
	}
	k.List = k.List[:kept]
}

// add notes the key of the next row.
func (k *Keys) add(field *model.Field, row value.Row, column int) {
	if row.Null(column) {
		k.byRow = append(k.byRow, none)
		return
	}
	i, known := k.Find(field, row, column)
	if !known {
		i = len(k.List)
		key := KeyText(field, row, column)
		k.List = append(k.List, key)
		k.index[key] = i
	}
	k.byRow = append(k.byRow, i)
}

// Find returns the index of the key in a column.
func (k *Keys) Find(field *model.Field, row value.Row, column int) (i int, known bool) {
	if field.Type == model.Int {
		var digits [20]byte
		i, known = k.index[string(strconv.AppendInt(digits[:0], row.Int(column), 10))]
	} else {
		i, known = k.index[string(row.Bytes(column))]
	}
	return i, known
}

// KeyText returns the key in a column as text. The column must not be null.
func KeyText(field *model.Field, row value.Row, column int) string {
	if field.Type == model.Int {
		return strconv.FormatInt(row.Int(column), 10)
	}
	return string(row.Bytes(column))
}
