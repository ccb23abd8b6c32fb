package postgres

import (
	stdbinary "encoding/binary"
	"encoding/hex"
	"math"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// row is a row of a result in the binary protocol. It implements value.Row.
type row struct {
	values  [][]byte
	types   []uint32
	scratch []byte // text that Bytes made of other values
}

var _ value.Row = (*row)(nil)

// Null reports whether the column is NULL.
func (r *row) Null(col int) bool { return r.values[col] == nil }

// Int returns a column of a Bool, Int or Timestamp.
func (r *row) Int(col int) int64 {
	v := r.values[col]
	switch len(v) {
	case 8:
		n := int64(stdbinary.BigEndian.Uint64(v))
		if r.types[col] == pgtype.TimestamptzOID {
			n += epochMicros
		}
		return n
	case 4:
		return int64(int32(stdbinary.BigEndian.Uint32(v)))
	case 2:
		return int64(int16(stdbinary.BigEndian.Uint16(v)))
	case 1:
		return int64(v[0])
	}
	return 0
}

// Float returns a column of a Float.
func (r *row) Float(col int) float64 {
	if v := r.values[col]; len(v) == 8 {
		return math.Float64frombits(stdbinary.BigEndian.Uint64(v))
	}
	return 0
}

// Decimal returns a column of a Decimal in units of 10^-scale.
func (r *row) Decimal(col int, scale int) int64 { return readNumeric(r.values[col], scale) }

// Fits reports whether the column can be read as a value of the field. The statement casts the column to the field's type,
// so only values such as infinity do not fit.
func (r *row) Fits(col int, field *model.Field) bool {
	v := r.values[col]
	switch r.types[col] {
	case pgtype.NumericOID:
		return field.Type == model.Decimal && numericFits(v, field.Scale)
	case pgtype.TimestamptzOID, pgtype.DateOID:
		return !isInfinite(v)
	}
	return true
}

// isInfinite reports whether a time is infinity or -infinity, the largest and the smallest number.
func isInfinite(v []byte) bool {
	switch len(v) {
	case 8:
		n := int64(stdbinary.BigEndian.Uint64(v))
		return n == math.MaxInt64 || n == math.MinInt64
	case 4:
		n := int32(stdbinary.BigEndian.Uint32(v))
		return n == math.MaxInt32 || n == math.MinInt32
	}
	return true
}

// Bytes returns a column of text, or of a Date or a UUID as text. It is valid until the next row.
func (r *row) Bytes(col int) []byte {
	v := r.values[col]
	switch r.types[col] {
	case pgtype.UUIDOID:
		if len(v) == 16 {
			return r.keep(func(dst []byte) []byte { return appendUUID(dst, v) })
		}
	case pgtype.DateOID:
		if len(v) == 4 {
			days := int32(stdbinary.BigEndian.Uint32(v))
			return r.keep(func(dst []byte) []byte { return appendDate(dst, int(days)+epochDays) })
		}
	}
	return v
}

// keep appends to the scratch memory. Earlier columns of the row stay as they are.
func (r *row) keep(appendTo func([]byte) []byte) []byte {
	start := len(r.scratch)
	r.scratch = appendTo(r.scratch)
	return r.scratch[start:len(r.scratch):len(r.scratch)]
}

func appendUUID(dst, v []byte) []byte {
	dst = hex.AppendEncode(dst, v[:4])
	for _, part := range [...][]byte{v[4:6], v[6:8], v[8:10], v[10:]} {
		dst = append(dst, '-')
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
