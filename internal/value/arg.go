package value

import (
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// ParseArg reads a request's argument, arg.x=…, as a value of the kind that its filter compares it with: Bool, Int,
// Float, Decimal, Text, Timestamp, Date, UUID or Duration. A decimal is taken exactly as written, at its own scale, so that
// 0.125 compares with a field of two decimals as what it is; the scale of that field (second argument) changes nothing.
// Errors are errs.Malformed, without the name of the argument.
func ParseArg(kind Kind, _ uint8, s string) (Value, error) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return Value{}, errs.New(errs.Malformed, "must be valid UTF-8 without U+0000")
	}
	v, err := parseArg(kind, s)
	if err != nil {
		return Value{}, errs.New(errs.Malformed, "%s%s", err.Error(), plusHint(kind, s))
	}
	return v, nil
}

func parseArg(kind Kind, s string) (Value, error) {
	switch kind {
	case Bool:
		if s != "true" && s != "false" {
			return Value{}, &parseError{"type", "must be true or false"}
		}
		return OfBool(s == "true"), nil
	case Int:
		i, err := parseInt(s)
		return OfInt(i), err
	case Float:
		f, err := parseFloat(s)
		return OfFloat(f), err
	case Decimal:
		unscaled, scale, err := ParseDecimal(s)
		return OfDecimal(unscaled, scale), err
	case Text:
		return OfText(s), nil
	case Timestamp:
		micros, err := ParseTimestamp(s)
		return OfTimestamp(micros), err
	case Date:
		date, err := ParseDate(s)
		return OfDate(date), err
	case UUID:
		id, ok := ParseUUID(s)
		if !ok {
			return Value{}, &parseError{"format", "must be a UUID"}
		}
		return OfUUID(id), nil
	case Duration:
		micros, err := ParseDuration(s)
		return OfDuration(micros), err
	default:
		return Value{}, &parseError{"type", "cannot be given as an argument"}
	}
}

// plusHint explains the commonest mistake: the + of an offset is a blank once a query string is decoded.
func plusHint(kind Kind, s string) string {
	if kind != Timestamp || !strings.Contains(s, " ") {
		return ""
	}
	if _, err := ParseTimestamp(strings.ReplaceAll(s, " ", "+")); err != nil {
		return ""
	}
	return " (write + as %2B in a URL)"
}
