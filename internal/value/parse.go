package value

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// parseError explains an invalid text: the code of a fault, and a sentence without its subject.
type parseError struct{ code, detail string }

func (e *parseError) Error() string { return e.detail }

func fault(pointer, code, format string, args ...any) errs.Fault {
	return errs.Fault{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func faultOf(pointer string, err error) []errs.Fault {
	e := err.(*parseError)
	return []errs.Fault{{Pointer: pointer, Code: e.code, Detail: e.detail}}
}

// ParseJSON reads a member of a body as a value of the field, and returns every fault of the value itself. With
// faults, the value is Null. JSON null is Null without a fault: the caller checks required fields. raw is one valid
// JSON value from DecodeObject; pointer is its RFC 6901 pointer in the body.
func ParseJSON(field *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	v, faults := parseJSON(field, raw, pointer)
	if faults != nil {
		return Value{}, faults
	}
	return v, nil
}

func parseJSON(field *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	kind := raw.Kind()
	if kind == jsontext.KindNull {
		return Value{}, nil
	}
	switch field.Type {
	case model.Bool:
		switch kind {
		case jsontext.KindTrue:
			return OfBool(true), nil
		case jsontext.KindFalse:
			return OfBool(false), nil
		}
		return Value{}, wrongType(pointer, kind, "true or false")
	case model.Int, model.Float:
		if field.AsString {
			return parseIntString(field, raw, pointer)
		}
		if kind != jsontext.KindNumber {
			return Value{}, wrongType(pointer, kind, "a number")
		}
		return parseNumberField(field, string(raw), pointer)
	case model.JSON:
		return parseJSONField(field, raw, pointer)
	}
	if kind != jsontext.KindString {
		if field.Type == model.Decimal {
			return Value{}, wrongType(pointer, kind, `a decimal in a string, such as "12.50"`)
		}
		return Value{}, wrongType(pointer, kind, "a string")
	}
	text, ok := unquote(raw)
	if !ok {
		return Value{}, []errs.Fault{fault(pointer, "type", "must be a string of valid Unicode")}
	}
	return parseString(field, text, pointer)
}

func wrongType(pointer string, got jsontext.Kind, want string) []errs.Fault {
	return []errs.Fault{fault(pointer, "type", "must be %s, not %s", want, kindName(got))}
}

// unquote returns the text of a JSON string.
func unquote(raw jsontext.Value) (string, bool) {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) { // DecodeObject has checked the rest
		return string(raw[1 : len(raw)-1]), true
	}
	out, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw)
	return string(out), err == nil
}

func parseString(field *model.Field, text, pointer string) (Value, []errs.Fault) {
	switch field.Type {
	case model.Decimal:
		return parseDecimalField(field, text, pointer)
	case model.Timestamp:
		micros, err := ParseTimestamp(text)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfTimestamp(micros), nil
	case model.Date:
		date, err := ParseDate(text)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfDate(date), nil
	case model.UUID:
		id, ok := ParseUUID(text)
		if !ok {
			return Value{}, []errs.Fault{fault(pointer, "format", "must be a UUID such as 019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70")}
		}
		return OfUUID(id), nil
	case model.Enum:
		return parseEnum(field, text, pointer)
	default:
		return OfText(text), textFaults(field, text, pointer)
	}
}

func parseNumberField(field *model.Field, text, pointer string) (Value, []errs.Fault) {
	if field.Type == model.Float {
		x, err := parseFloat(text)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfFloat(x), floatBounds(field, x, pointer)
	}
	i, err := parseInt(text)
	if err != nil {
		return Value{}, faultOf(pointer, err)
	}
	return OfInt(i), intBounds(field, i, pointer, func(n int64) string { return strconv.FormatInt(n, 10) })
}

// parseIntString reads an int from a JSON string.
func parseIntString(field *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	const want = `an int in a string, such as "9007199254740993"`
	if raw.Kind() != jsontext.KindString {
		return Value{}, wrongType(pointer, raw.Kind(), want)
	}
	text, ok := unquote(raw)
	if digits := strings.TrimPrefix(text, "-"); !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Value{}, []errs.Fault{fault(pointer, "format", "must be %s", want)}
	}
	i, err := parseInt(canonicalInt(text))
	if err != nil {
		return Value{}, faultOf(pointer, err)
	}
	return OfInt(i), intBounds(field, i, pointer, func(n int64) string { return strconv.FormatInt(n, 10) })
}

// canonicalInt drops the leading zeros of an int: JSON numbers have none.
func canonicalInt(text string) string {
	digits, negative := strings.CutPrefix(text, "-")
	digits = strings.TrimLeft(digits, "0")
	switch {
	case digits == "":
		return "0"
	case negative:
		return "-" + digits
	}
	return digits
}

func parseDecimalField(field *model.Field, text, pointer string) (Value, []errs.Fault) {
	unscaled, bad := parseFieldDecimal(field, text)
	if bad != nil {
		faults := make([]errs.Fault, len(bad))
		for i, e := range bad {
			faults[i] = errs.Fault{Pointer: pointer, Code: e.code, Detail: e.detail}
		}
		return Value{}, faults
	}
	scale := uint8(field.Scale)
	return OfDecimal(unscaled, scale), intBounds(field, unscaled, pointer, func(n int64) string {
		return string(appendDecimal(nil, n, scale))
	})
}

func intBounds(field *model.Field, i int64, pointer string, show func(int64) string) []errs.Fault {
	switch {
	case field.Min != nil && i < *field.Min:
		return []errs.Fault{fault(pointer, "min", "must be at least %s", show(*field.Min))}
	case field.Max != nil && i > *field.Max:
		return []errs.Fault{fault(pointer, "max", "must be at most %s", show(*field.Max))}
	}
	return nil
}

func floatBounds(field *model.Field, x float64, pointer string) []errs.Fault {
	switch {
	case field.MinFloat != nil && x < *field.MinFloat:
		return []errs.Fault{fault(pointer, "min", "must be at least %s", appendFloat(nil, *field.MinFloat))}
	case field.MaxFloat != nil && x > *field.MaxFloat:
		return []errs.Fault{fault(pointer, "max", "must be at most %s", appendFloat(nil, *field.MaxFloat))}
	}
	return nil
}

func parseEnum(field *model.Field, text, pointer string) (Value, []errs.Fault) {
	var names []string
	for _, member := range field.Values {
		if member.Name == text {
			return OfText(member.Name), nil
		}
		names = append(names, member.Name)
	}
	return Value{}, []errs.Fault{fault(pointer, "enum", "must be one of %s", errs.Clip(strings.Join(names, ", "), 500))}
}
