package value

import "github.com/ashlar-dev/ashlar/internal/model"

// Scan returns a column of a row as a value of the field. It copies: the value stays valid after the row.
func Scan(field *model.Field, row Row, col int) Value {
	if row.Null(col) {
		return Value{}
	}
	switch field.Type {
	case model.Int:
		return OfInt(row.Int(col))
	case model.Bool:
		return OfBool(row.Int(col) != 0)
	case model.Float:
		return OfFloat(row.Float(col))
	case model.Decimal:
		return OfDecimal(row.Decimal(col, field.Scale), uint8(field.Scale))
	case model.Timestamp:
		return OfTimestamp(row.Int(col))
	case model.Date:
		return OfDate(string(row.Bytes(col)))
	case model.UUID:
		return OfUUID(string(row.Bytes(col)))
	case model.JSON:
		return OfJSON(string(row.Bytes(col)))
	default: // Text, Enum
		return OfText(string(row.Bytes(col)))
	}
}

// Equal reports whether v and w are the same value: numbers by exact value for all kinds, anything else by kind and
// content. Missing equals missing. JSON is compared by its text.
func (v Value) Equal(w Value) bool {
	if v.isNumber() && w.isNumber() {
		return CompareNumbers(v, w) == 0
	}
	if v.Kind != w.Kind || len(v.List) != len(w.List) {
		return false
	}
	for i, text := range v.List {
		if text != w.List[i] {
			return false
		}
	}
	return v.Int == w.Int && v.Text == w.Text
}

func (v Value) isNumber() bool { return v.Kind == Int || v.Kind == Float || v.Kind == Decimal }
