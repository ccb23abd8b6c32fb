package render

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ErrFull says that an answer has no room for more. The caller then ends the page, or a list within a row, earlier.
var ErrFull = errors.New("the answer is full")

// Bounds limits one answer.
type Bounds struct {
	Rows  int // at all levels together
	Bytes int
}

// AppendRow appends the JSON of a row without expansions, straight from its columns.
func (o *Output) AppendRow(dst []byte, row value.Row) []byte {
	for i := range o.members {
		member := &o.members[i]
		dst = append(dst, member.prefix...)
		dst = value.AppendJSON(dst, o.Fields[member.column], row, member.column)
	}
	return closeObject(dst, len(o.members))
}

// AppendValues appends the JSON of a row without expansions, as AppendRow would after the row was stored. Field i of the output
// has the value values[index[i]].
func (o *Output) AppendValues(dst []byte, values []value.Value, index []int) []byte {
	for i := range o.members {
		member := &o.members[i]
		dst = append(dst, member.prefix...)
		dst = value.AppendMember(dst, o.Fields[member.column], values[index[member.column]])
	}
	return closeObject(dst, len(o.members))
}

func closeObject(dst []byte, members int) []byte {
	if members == 0 {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// An Answer collects rows as JSON and counts them.
type Answer struct {
	Begun  *pieces.Text // the beginning of a long answer; nil: JSON is all
	JSON   []byte       // the rest
	Rows   int
	Bounds Bounds
}

// Len returns the size of the JSON so far.
func (a *Answer) Len() int { return a.Begun.Len() + len(a.JSON) }

// Cut keeps the first size bytes of the JSON.
func (a *Answer) Cut(size int) { a.JSON = a.Begun.Cut(size, a.JSON) }

// Spill moves what is long enough from JSON to Begun.
func (a *Answer) Spill() {
	if len(a.JSON) >= pieces.Size {
		a.JSON = a.Begun.Take(a.JSON)
	}
}

// AppendRow appends row i of a block with its expansions. The error is ErrFull.
func (a *Answer) AppendRow(b *ExpandedBlock, i int) error {
	if a.Rows++; a.Rows > a.Bounds.Rows {
		return ErrFull
	}
	row := &b.rows[i]
	chunk, from := b.chunk(row), row.start
	for n := range b.Expansions {
		hole := b.holes[i*len(b.Expansions)+n]
		a.JSON = append(a.JSON, chunk[from:hole]...)
		from = hole
		if err := a.appendExpansion(&b.Expansions[n], b.keys[n].byRow[i]); err != nil {
			return err
		}
	}
	a.JSON = append(a.JSON, chunk[from:row.end]...)
	a.Spill()
	if a.Len() > a.Bounds.Bytes {
		return ErrFull
	}
	return nil
}

// appendExpansion appends the rows of a key: one row or null, or a list.
func (a *Answer) appendExpansion(rows *ExpandedRows, key int) error {
	chain := keyRows{first: none}
	if key != none {
		chain = rows.byKey[key]
	}
	if !rows.Expansion.Relation.Many {
		if chain.first == none {
			a.JSON = append(a.JSON, "null"...)
			return nil
		}
		return a.AppendRow(rows.Block, chain.first)
	}
	a.JSON = append(a.JSON, `{"items":[`...)
	for i := chain.first; i != none; i = rows.nextRow[i] {
		if i != chain.first {
			a.JSON = append(a.JSON, ',')
		}
		if err := a.AppendRow(rows.Block, i); err != nil {
			return err
		}
	}
	a.JSON = append(a.JSON, ']')
	a.JSON = AppendNext(a.JSON, chain.next)
	a.JSON = append(a.JSON, '}')
	return nil
}

// AppendNext appends the member next of a list. An empty cursor means that the list ends here.
func AppendNext(dst []byte, cursor string) []byte {
	if cursor == "" {
		return append(dst, `,"next":null`...)
	}
	dst = append(dst, `,"next":"`...)
	dst = append(dst, cursor...)
	return append(dst, '"')
}
