package value

import (
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// ParseArg reads a request's argument, arg.x=…, as a value of a kind: Bool, Int, Float, Decimal, Text, Timestamp,
// Date, UUID or Duration. The filter's comparison decides the kind. A decimal keeps all its digits, whatever the
// scale of the compared field (second argument): 0.125 equals no field with two decimals. Errors are errs.Malformed,
// without the name of the argument.
func ParseArg(kind Kind, _ uint8, text string) (Value, error) {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return Value{}, errs.New(errs.Malformed, "must be valid UTF-8 without U+0000")
	}
	v, err := parseArg(kind, text)
	if err != nil {
		return Value{}, errs.New(errs.Malformed, "%s%s", err.Error(), plusHint(kind, text))
	}
	return v, nil
}

func parseArg(kind Kind, text string) (Value, error) {
	switch kind {
	case Bool:
		if text != "true" && text != "false" {
			return Value{}, &parseError{"type", "must be true or false"}
		}
		return OfBool(text == "true"), nil
	case Int:
		i, err := parseInt(text)
		return OfInt(i), err
	case Float:
		f, err := parseFloat(text)
		return OfFloat(f), err
	case Decimal:
		unscaled, scale, err := ParseDecimal(text)
		return OfDecimal(unscaled, scale), err
	case Text:
		return OfText(text), nil
	case Timestamp:
		micros, err := ParseTimestamp(text)
		return OfTimestamp(micros), err
	case Date:
		date, err := ParseDate(text)
		return OfDate(date), err
	case UUID:
		id, ok := ParseUUID(text)
		if !ok {
			return Value{}, &parseError{"format", "must be a UUID"}
		}
		return OfUUID(id), nil
	case Duration:
		micros, err := ParseDuration(text)
		return OfDuration(micros), err
	default:
		return Value{}, &parseError{"type", "cannot be given as an argument"}
	}
}

// plusHint explains the commonest mistake: the + of an offset is a blank once a query string is decoded.
func plusHint(kind Kind, text string) string {
	if kind != Timestamp || !strings.Contains(text, " ") {
		return ""
	}
	if _, err := ParseTimestamp(strings.ReplaceAll(text, " ", "+")); err != nil {
		return ""
	}
	return " (write + as %2B in a URL)"
}
