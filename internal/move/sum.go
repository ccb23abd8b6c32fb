package move

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
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

// Hex returns the whole sum.
func (s Sum) Hex() string {
	return fmt.Sprintf("%016x%016x%016x%016x", s.hashes[0], s.hashes[1], s.hashes[2], s.hashes[3])
}

// A TableSum is the sum of one table.
type TableSum struct {
	Name string
	Sum
}

// Sums sums up every table of a model as it is stored, except ashlar_meta. It calls read after some rows.
func Sums(reader store.Reader, m *model.Model, read func(rows int64)) (all []TableSum, err error) {
	for _, t := range tablesOf(m) {
		s := summer{fields: t.fields}
		err := reader.Query(t.raw().Select(), nil, func(row value.Row) error {
			if s.add(row); s.sum.Rows%batchRows == 0 {
				read(batchRows)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		all = append(all, TableSum{t.name, s.sum})
	}
	return all, nil
}

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
