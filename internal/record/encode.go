package record

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	maxRows   = 50_000   // in one answer, those of all levels counted
	maxAnswer = 32 << 20 // bytes
)

// bounds are those of one answer: maxRows and maxAnswer, except in tests.
type bounds struct{ rows, bytes int }

// errFull ends what is read or written for an answer that has no room for more. It never leaves the package: the page, or
// a list within an expansion, ends before.
var errFull = errors.New("the answer is full")

// tooLarge is the error where nothing can be left out: one row.
func (d *DB) tooLarge() error {
	return errs.New(errs.Malformed, "one row with its expansions is larger than %d MiB or has more than %d rows: ask for fewer fields or expansions", d.most.bytes>>20, d.most.rows)
}

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

// answer appends rows to an answer and keeps count.
type answer struct {
	dst  []byte
	rows int
	most bounds
}

// row appends a row with its expansions. The error is errFull.
func (a *answer) row(f *filled, i int) error {
	if a.rows++; a.rows > a.most.rows {
		return errFull
	}
	r := &f.rows[i]
	from := r.start
	for e := range f.expansions {
		hole := f.holes[i*len(f.expansions)+e]
		a.dst = append(a.dst, f.buf[from:hole]...)
		from = hole
		if err := a.expansion(&f.expansions[e], f.leads[e].of[i]); err != nil {
			return err
		}
	}
	a.dst = append(a.dst, f.buf[from:r.end]...)
	if len(a.dst) > a.most.bytes {
		return errFull
	}
	return nil
}

// expansion appends what a key leads to.
func (a *answer) expansion(f *filledExpansion, key int) error {
	at := found{first: none}
	if key != none {
		at = f.found[key]
	}
	if !f.exp.rel.Many {
		if at.first == none {
			a.dst = append(a.dst, "null"...)
			return nil
		}
		return a.row(f.rows, at.first)
	}
	a.dst = append(a.dst, `{"items":[`...)
	for i := at.first; i != none; i = f.after[i] {
		if i != at.first {
			a.dst = append(a.dst, ',')
		}
		if err := a.row(f.rows, i); err != nil {
			return err
		}
	}
	a.dst = append(a.dst, ']')
	a.dst = appendNext(a.dst, at.next)
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
