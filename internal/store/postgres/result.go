package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// result is the result of a statement while its rows are given out.
type result struct {
	s     *session
	rr    *pgconn.ResultReader
	row   row
	after int // results of the statements after it, to be skipped

	ahead   [][][]byte // rows that were read ahead
	whole   bool       // everything was read
	err     error      // of reading ahead
	changed int64
}

// each gives out the rows, until an error.
func (r *result) each(f func(value.Row) error) error {
	for r.advance() {
		r.row.scratch = r.row.scratch[:0]
		if err := f(&r.row); err != nil {
			return err
		}
	}
	return nil
}

func (r *result) advance() bool {
	if r.whole {
		if len(r.ahead) == 0 {
			return false
		}
		r.row.values, r.ahead = r.ahead[0], r.ahead[1:]
		return true
	}
	if !r.rr.NextRow() {
		return false
	}
	r.row.values = r.rr.Values()
	return true
}

// suspend frees the connection for another statement while this one's rows are being given out. A connection gives one
// result at a time, so suspend reads what is left.
func (r *result) suspend() error {
	if r.whole {
		return r.err
	}
	r.row.values = copyRow(r.row.values)
	var ahead [][][]byte
	for r.rr.NextRow() {
		ahead = append(ahead, copyRow(r.rr.Values()))
	}
	r.ahead = ahead
	return r.finish()
}

func copyRow(values [][]byte) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = slices.Clone(v) // nil stays nil
	}
	return out
}

// finish reads what is left of the result and of the packet.
func (r *result) finish() error {
	if r.whole {
		return r.err
	}
	r.whole = true
	tag, err := r.rr.Close()
	if err != nil {
		r.err = r.s.fail(err)
		return r.err
	}
	if tag.Insert() || tag.Update() || tag.Delete() {
		r.changed = tag.RowsAffected()
	}
	if r.err = r.s.skip(r.after); r.err == nil {
		r.err = r.s.settle()
	}
	return r.err
}
