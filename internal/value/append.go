package value

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// AppendJSON appends a column of a row, a value of the field, as JSON: null if it is missing. Every value of every
// answer passes through it. It allocates nothing beyond dst.
func AppendJSON(dst []byte, field *model.Field, row Row, col int) []byte {
	if row.Null(col) {
		return append(dst, "null"...)
	}
	switch field.Type {
	case model.Int:
		if field.AsString {
			return append(strconv.AppendInt(append(dst, '"'), row.Int(col), 10), '"')
		}
		return strconv.AppendInt(dst, row.Int(col), 10)
	case model.Bool:
		return strconv.AppendBool(dst, row.Int(col) != 0)
	case model.Float:
		return appendFloat(dst, row.Float(col)+0) // a view may hold -0; the sum is 0
	case model.Decimal:
		return appendQuotedDecimal(dst, row.Decimal(col, field.Scale), uint8(field.Scale))
	case model.Timestamp:
		return appendQuotedTimestamp(dst, row.Int(col))
	case model.Date, model.UUID:
		return appendQuoted(dst, row.Bytes(col))
	case model.JSON:
		return append(dst, row.Bytes(col)...)
	default: // Text, Enum
		return AppendString(dst, row.Bytes(col))
	}
}

// AppendValue appends a value in JSON: null for a missing value, a string for a decimal or a duration.
func AppendValue(dst []byte, v Value) []byte {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Int != 0)
	case Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case Float:
		return appendFloat(dst, v.Float)
	case Decimal:
		return appendQuotedDecimal(dst, v.Int, v.Scale)
	case Timestamp:
		return appendQuotedTimestamp(dst, v.Int)
	case Date, UUID:
		return appendQuoted(dst, v.Text)
	case JSON:
		return append(dst, v.Text...)
	case Text:
		return appendString(dst, v.Text)
	case Duration:
		return append(appendDuration(append(dst, '"'), v.Int), '"')
	case List:
		return appendList(dst, v.List)
	default:
		return append(dst, "null"...)
	}
}

// AppendMember appends a value of a field in the form of a request's body. ParseJSON reads it back.
func AppendMember(dst []byte, field *model.Field, v Value) []byte {
	if field.AsString && v.Kind == Int {
		return append(AppendValue(append(dst, '"'), v), '"')
	}
	return AppendValue(dst, v)
}

func appendList(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, text := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, text)
	}
	return append(dst, ']')
}

// AppendString appends UTF-8 text as a JSON string. It escapes only the characters listed in RFC 8259.
func AppendString(dst []byte, s []byte) []byte { return appendString(dst, s) }

func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for {
		i := plainPrefix(s)
		dst = append(dst, s[:i]...)
		if i == len(s) {
			return append(dst, '"')
		}
		dst = appendEscaped(dst, s[i])
		s = s[i+1:]
	}
}

// plainPrefix returns the number of bytes before the first one to escape. It tests eight at a time. In each byte
// below 0x80, the high bit of a difference shows a borrow: a control, a quote or a backslash. A borrow spoils only
// later bytes, and plainPrefix needs only the first.
func plainPrefix[T string | []byte](s T) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := loadWord(s, i)
		found := ((w - ones*0x20) | ((w ^ ones*'"') - ones) | ((w ^ ones*'\\') - ones)) & ^w & high
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}

// load reads eight bytes, the first lowest. The compiler makes one load of it for either type.
func loadWord[T string | []byte](s T, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// appendFloat appends the shortest text that reads back as f, in the format of ECMAScript and encoding/json.
func appendFloat(dst []byte, f float64) []byte {
	size := math.Abs(f)
	if size == 0 || (1e-6 <= size && size < 1e21) {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

func appendQuotedDecimal(dst []byte, unscaled int64, scale uint8) []byte {
	return append(appendDecimal(append(dst, '"'), unscaled, scale), '"')
}

// appendDecimal appends exactly scale digits after the point, and at least one before it.
func appendDecimal(dst []byte, unscaled int64, scale uint8) []byte {
	if unscaled < 0 {
		dst = append(dst, '-')
	}
	if scale == 0 {
		return strconv.AppendUint(dst, abs(unscaled), 10)
	}
	power := uint64(1)
	for range scale {
		power *= 10
	}
	return appendFraction(strconv.AppendUint(dst, abs(unscaled)/power, 10), abs(unscaled)%power, power)
}

// appendFraction appends a point and one digit for each zero of the power of ten: the digits of power + n after its
// leading 1.
func appendFraction(dst []byte, n, power uint64) []byte {
	point := len(dst)
	dst = strconv.AppendUint(dst, power+n, 10)
	dst[point] = '.'
	return dst
}

func appendQuotedTimestamp(dst []byte, micros int64) []byte {
	return append(appendTimestamp(append(dst, '"'), micros), '"')
}
