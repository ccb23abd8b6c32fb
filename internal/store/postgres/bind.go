package postgres

import (
	stdbinary "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// binder encodes values as the binary parameters of a statement, in memory that it keeps for the next one.
type binder struct {
	params [][]byte
	arena  []byte
}

// bind returns the parameters, which are valid until the next call.
func (b *binder) bind(st *statement, args []value.Value) ([][]byte, error) {
	types := st.desc.ParamOIDs
	if len(args) != len(types) {
		return nil, fmt.Errorf("%d values for the %d parameters of %s", len(args), len(types), engine.Excerpt(st.sql))
	}
	if b.arena == nil { // a part of a nil slice is nil, which would send an empty text as NULL
		b.arena = make([]byte, 0, 256)
	}
	b.params, b.arena = b.params[:0], b.arena[:0]
	for i, arg := range args {
		if arg.IsNull() {
			b.params = append(b.params, nil)
			continue
		}
		start := len(b.arena)
		var err error
		if b.arena, err = appendParam(b.arena, arg, types[i]); err != nil {
			return nil, fmt.Errorf("parameter %d of %s: %w", i+1, engine.Excerpt(st.sql), err)
		}
		b.params = append(b.params, b.arena[start:len(b.arena):len(b.arena)])
	}
	return b.params, nil
}

// appendParam appends a value in the binary form of the type that the server expects.
func appendParam(dst []byte, val value.Value, oid uint32) ([]byte, error) {
	switch oid {
	case pgtype.BoolOID:
		if val.Kind == value.Bool {
			return append(dst, byte(val.Int)), nil
		}
	case pgtype.Int8OID:
		if isWhole(val) {
			return stdbinary.BigEndian.AppendUint64(dst, uint64(val.Int)), nil
		}
	case pgtype.Int4OID:
		if isWhole(val) && int64(int32(val.Int)) == val.Int {
			return stdbinary.BigEndian.AppendUint32(dst, uint32(val.Int)), nil
		}
	case pgtype.Float8OID:
		if val.Kind == value.Float {
			return stdbinary.BigEndian.AppendUint64(dst, math.Float64bits(val.Float)), nil
		}
	case pgtype.NumericOID:
		if val.Kind == value.Decimal || val.Kind == value.Int {
			return appendNumeric(dst, val.Int, int(val.Scale)), nil
		}
	case pgtype.TimestamptzOID:
		if val.Kind == value.Timestamp {
			return stdbinary.BigEndian.AppendUint64(dst, uint64(val.Int-epochMicros)), nil
		}
	case pgtype.DateOID:
		days, err := parseDays(val.Text)
		return stdbinary.BigEndian.AppendUint32(dst, uint32(int32(days-epochDays))), err
	case pgtype.UUIDOID:
		digits, err := hex.DecodeString(strings.ReplaceAll(val.Text, "-", ""))
		if err == nil && len(digits) == 16 {
			return append(dst, digits...), nil
		}
	case pgtype.TextArrayOID:
		if val.Kind == value.List {
			return appendTexts(dst, val.List), nil
		}
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.JSONOID, pgtype.NameOID:
		return appendText(dst, val)
	}
	return dst, fmt.Errorf("a value of kind %v does not fit the type with the number %d", val.Kind, oid)
}

func isWhole(v value.Value) bool {
	return v.Kind == value.Int || v.Kind == value.Duration
}

func appendText(dst []byte, val value.Value) ([]byte, error) {
	switch val.Kind {
	case value.Text, value.Date, value.UUID, value.JSON:
		return append(dst, val.Text...), nil
	case value.List:
		text, err := json.Marshal(append([]string{}, val.List...)) // a nil list is [], not null
		return append(dst, text...), err
	}
	return dst, fmt.Errorf("a value of kind %v is no text", val.Kind)
}

// appendTexts appends an array of text: the number of dimensions, whether it holds a null, the type of its elements, for
// each dimension its length and the index of its first element, then the elements.
func appendTexts(dst []byte, list []string) []byte {
	header := []uint32{1, 0, pgtype.TextOID, uint32(len(list)), 1}
	if len(list) == 0 {
		header = []uint32{0, 0, pgtype.TextOID}
	}
	for _, n := range header {
		dst = stdbinary.BigEndian.AppendUint32(dst, n)
	}
	for _, s := range list {
		dst = append(stdbinary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
	}
	return dst
}
