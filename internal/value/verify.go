package value

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Verify checks a column of a view's row, which no table has checked, as a value of the field. It returns the fault,
// or "".
func Verify(field *model.Field, row Row, col int) string {
	if row.Null(col) {
		if field.Optional || field.Read != nil { // a masked field may be null
			return ""
		}
		return "is missing, and the field is not optional"
	}
	if !row.Fits(col, field) || !isSound(field, row, col) {
		return "is no " + noun(field)
	}
	return ""
}

// isSound checks the value itself.
func isSound(field *model.Field, row Row, col int) bool {
	switch field.Type {
	case model.Bool:
		n := row.Int(col)
		return n == 0 || n == 1
	case model.Float:
		_, finite := Finite(row.Float(col))
		return finite
	case model.Decimal:
		n := row.Decimal(col, field.Scale)
		return n != math.MinInt64 && abs(n) < power10(field.Precision)
	case model.Timestamp:
		n := row.Int(col)
		return MinTimestamp <= n && n <= MaxTimestamp
	case model.Date:
		_, err := ParseDate(string(row.Bytes(col)))
		return err == nil
	case model.UUID:
		text := string(row.Bytes(col))
		id, ok := ParseUUID(text)
		return ok && id == text
	case model.Enum:
		text := string(row.Bytes(col))
		return slices.ContainsFunc(field.Values, func(member model.EnumValue) bool { return member.Name == text })
	case model.JSON:
		return jsontext.Value(row.Bytes(col)).IsValid()
	case model.Text:
		text := string(row.Bytes(col))
		return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
	}
	return true
}

func power10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

func noun(field *model.Field) string {
	switch field.Type {
	case model.Enum:
		return "value of the enum"
	case model.Text:
		return "text without U+0000"
	case model.Timestamp, model.Date:
		return field.Type.String() + " of the years 1 to 9999"
	case model.Decimal:
		return "decimal of that precision and scale"
	case model.UUID:
		return "uuid in lower case"
	}
	return field.Type.String()
}
