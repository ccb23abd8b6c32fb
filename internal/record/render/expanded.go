package render

import "github.com/ashlar-dev/ashlar/internal/value"

// An ExpandedBlock is a block together with the rows that its expansions lead to.
type ExpandedBlock struct {
	*Block
	Expansions []ExpandedRows
}

// ExpandedRows are the rows that fill the holes of one expansion. The rows of one key form a chain.
type ExpandedRows struct {
	Expansion *Expansion
	Block     *ExpandedBlock
	byKey     []keyRows
	nextRow   []int // by row: the next row of the same key, or none
}

// keyRows is the chain of the rows of one key.
type keyRows struct {
	first, last, count int
	next               string // cursor of a list that continues
}

// NewExpandedRows returns the rows of an expansion of that many keys, as yet none. The block takes them.
func NewExpandedRows(expansion *Expansion, keys int, block *Block) ExpandedRows {
	rows := ExpandedRows{Expansion: expansion, Block: &ExpandedBlock{Block: block}, byKey: make([]keyRows, keys)}
	for i := range rows.byKey {
		rows.byKey[i] = keyRows{first: none, last: none}
	}
	return rows
}

// Add appends a row to the chain of a key. It returns the size of its JSON, and how many rows the chain now has.
func (r *ExpandedRows) Add(key int, row value.Row, id string) (bytes, count int) {
	before := r.Block.Bytes()
	r.Block.Add(row, id)
	at := len(r.Block.rows) - 1
	r.nextRow = append(r.nextRow, none)
	chain := &r.byKey[key]
	if chain.first == none {
		chain.first = at
	} else {
		r.nextRow[chain.last] = at
	}
	chain.last = at
	chain.count++
	return r.Block.Bytes() - before, chain.count
}

// Count returns how many rows a key has.
func (r *ExpandedRows) Count(key int) int { return r.byKey[key].count }

// LastID returns the id of the last row of a key.
func (r *ExpandedRows) LastID(key int) string { return r.Block.rows[r.byKey[key].last].id }

// SetNext sets the cursor where the list of a key continues.
func (r *ExpandedRows) SetNext(key int, cursor string) { r.byKey[key].next = cursor }
