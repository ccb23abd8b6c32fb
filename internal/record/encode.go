package record

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	maxRows   = 50_000   // in one answer, those of all levels counted
	maxAnswer = 32 << 20 // bytes
)

// appendRow appends the JSON of a row without expansions, straight from its columns.
func (o *output) appendRow(dst []byte, row value.Row) []byte {
	for i := range o.members {
		m := &o.members[i]
		dst = append(dst, m.prefix...)
		dst = value.AppendJSON(dst, o.fields[m.col], row, m.col)
	}
	return closeObject(dst, len(o.members))
}

func closeObject(dst []byte, members int) []byte {
	if members == 0 {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// block is the rows of one level, as JSON with holes where the next level belongs.
type block struct {
	out  *output
	buf  []byte
	rows []blockRow
}

// blockRow is one row: buf[start:end] is its JSON, into which an expansion goes at each hole.
type blockRow struct {
	start, end int
	holes      []int
	keys       []string // of the rows that the expansions lead to, "" where a reference is missing or masked
	lead       string   // the key that a level above knows the row by
}

// add appends a row.
func (b *block) add(row value.Row) *blockRow {
	r := blockRow{start: len(b.buf)}
	for i := range b.out.members {
		m := &b.out.members[i]
		b.buf = append(b.buf, m.prefix...)
		if m.col < 0 {
			r.holes = append(r.holes, len(b.buf))
			continue
		}
		b.buf = value.AppendJSON(b.buf, b.out.fields[m.col], row, m.col)
	}
	b.buf = closeObject(b.buf, len(b.out.members))
	r.end = len(b.buf)
	for _, e := range b.out.expand {
		r.keys = append(r.keys, keyText(b.out.fields[e.col], row, e.col))
	}
	b.rows = append(b.rows, r)
	return &b.rows[len(b.rows)-1]
}

// keyText is a key as text, "" where it is missing. No key is the empty text.
func keyText(f *schema.Field, row value.Row, col int) string {
	switch {
	case row.Null(col):
		return ""
	case f.Type == schema.Int:
		return strconv.FormatInt(row.Int(col), 10)
	default:
		return string(row.Bytes(col))
	}
}

// filled is a block with its expansions: each a map from a key of this level to what goes into the hole.
type filled struct {
	*block
	expansions []filledExpansion
}

type filledExpansion struct {
	exp  *expansion
	rows *filled
	at   map[string][]int  // key → rows of `rows`
	next map[string]string // key → cursor of a list that goes on
}

// answer appends rows to an answer and keeps count.
type answer struct {
	dst  []byte
	rows int
}

func (a *answer) grow(path string) error {
	if a.rows++; a.rows > maxRows {
		return tooMany(path)
	}
	return a.check(path)
}

func (a *answer) check(path string) error {
	if len(a.dst) > maxAnswer {
		if path == "" {
			return errs.New(errs.Malformed, "the answer is larger than %d MiB: ask for fewer fields or a smaller limit", maxAnswer>>20)
		}
		return errs.New(errs.Malformed, "the answer is larger than %d MiB: narrow the expansion %s, or ask for a smaller limit", maxAnswer>>20, path)
	}
	return nil
}

func tooMany(path string) error {
	return errs.New(errs.Malformed, "the answer has more than %d rows: narrow the expansion %s, or ask for a smaller limit", maxRows, path)
}

// row appends a row with its expansions.
func (a *answer) row(f *filled, i int) error {
	if err := a.grow(f.out.path); err != nil {
		return err
	}
	r := &f.rows[i]
	from := r.start
	for e, hole := range r.holes {
		a.dst = append(a.dst, f.buf[from:hole]...)
		from = hole
		if err := a.expansion(&f.expansions[e], r.keys[e]); err != nil {
			return err
		}
	}
	a.dst = append(a.dst, f.buf[from:r.end]...)
	return nil
}

func (a *answer) expansion(f *filledExpansion, key string) error {
	at := f.at[key]
	if !f.exp.rel.Many {
		if len(at) == 0 {
			a.dst = append(a.dst, "null"...)
			return nil
		}
		return a.row(f.rows, at[0])
	}
	a.dst = append(a.dst, `{"items":[`...)
	for n, i := range at {
		if n > 0 {
			a.dst = append(a.dst, ',')
		}
		if err := a.row(f.rows, i); err != nil {
			return err
		}
	}
	a.dst = append(a.dst, ']')
	a.dst = appendNext(a.dst, f.next[key])
	a.dst = append(a.dst, '}')
	return nil
}

// appendNext appends the member next of a list.
func appendNext(dst []byte, cursor string) []byte {
	if cursor == "" {
		return append(dst, `,"next":null`...)
	}
	dst = append(dst, `,"next":"`...)
	dst = append(dst, cursor...)
	return append(dst, '"')
}
