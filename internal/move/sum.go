package move

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Sum is the number of rows of a table and the sum of their SHA-256, as four numbers of 64 bits. Tables with the same
// rows have the same sum, on both engines and in any order.
type Sum struct {
	Rows   int64
	hashes [4]uint64
}

// String returns the first part of the sum, enough for people to compare.
func (s Sum) String() string { return fmt.Sprintf("%016x", s.hashes[0]) }

// summer adds rows up.
type summer struct {
	fields []*model.Field
	sum    Sum
	buf    []byte
}

// add adds a row.
func (s *summer) add(row value.Row) {
	s.buf = s.buf[:0]
	for col, field := range s.fields {
		s.buf = appendCanonical(s.buf, field, row, col)
	}
	hash := sha256.Sum256(s.buf)
	for i := range s.sum.hashes {
		s.sum.hashes[i] += binary.BigEndian.Uint64(hash[8*i:])
	}
	s.sum.Rows++
}

// appendCanonical appends the same bytes for a value on both engines, and different bytes for different values. A
// missing value is 0. Any other is 1, followed by eight bytes of a number, or by the length of a text and the text.
func appendCanonical(dst []byte, field *model.Field, row value.Row, col int) []byte {
	if row.Null(col) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch field.Type {
	case model.Int, model.Bool, model.Timestamp:
		return binary.BigEndian.AppendUint64(dst, uint64(row.Int(col)))
	case model.Decimal:
		return binary.BigEndian.AppendUint64(dst, uint64(row.Decimal(col, field.Scale)))
	case model.Float:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(row.Float(col)))
	}
	text := row.Bytes(col)
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}
