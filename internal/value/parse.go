package value

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// parseError says why a text is no value: a code for a fault, and a sentence without its subject.
type parseError struct{ code, detail string }

func (e *parseError) Error() string { return e.detail }

func fault(pointer, code, format string, args ...any) errs.Fault {
	return errs.Fault{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)}
}

func faultOf(pointer string, err error) []errs.Fault {
	e := err.(*parseError)
	return []errs.Fault{{Pointer: pointer, Code: e.code, Detail: e.detail}}
}

// ParseJSON reads a member of a body as a value of the field, and returns every fault that the value has in itself.
// With faults, the value is Null. JSON null is Null without a fault: whether the field may be missing is for the caller
// to ask. raw is one valid JSON value as DecodeObject gives it; pointer is its RFC 6901 pointer in the body.
func ParseJSON(f *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	v, faults := parseJSON(f, raw, pointer)
	if faults != nil {
		return Value{}, faults
	}
	return v, nil
}

func parseJSON(f *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	kind := raw.Kind()
	if kind == jsontext.KindNull {
		return Value{}, nil
	}
	switch f.Type {
	case model.Bool:
		switch kind {
		case jsontext.KindTrue:
			return OfBool(true), nil
		case jsontext.KindFalse:
			return OfBool(false), nil
		}
		return Value{}, wrongType(pointer, kind, "true or false")
	case model.Int, model.Float:
		if f.AsString {
			return parseIntString(f, raw, pointer)
		}
		if kind != jsontext.KindNumber {
			return Value{}, wrongType(pointer, kind, "a number")
		}
		return parseNumberField(f, string(raw), pointer)
	case model.JSON:
		return parseJSONField(f, raw, pointer)
	}
	if kind != jsontext.KindString {
		if f.Type == model.Decimal {
			return Value{}, wrongType(pointer, kind, `a decimal in a string, such as "12.50"`)
		}
		return Value{}, wrongType(pointer, kind, "a string")
	}
	s, ok := unquote(raw)
	if !ok {
		return Value{}, []errs.Fault{fault(pointer, "type", "must be a string of valid Unicode")}
	}
	return parseString(f, s, pointer)
}

func wrongType(pointer string, got jsontext.Kind, want string) []errs.Fault {
	return []errs.Fault{fault(pointer, "type", "must be %s, not %s", want, kindName(got))}
}

// unquote returns the text of a JSON string.
func unquote(raw jsontext.Value) (string, bool) {
	b, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw)
	return string(b), err == nil
}

func parseString(f *model.Field, s, pointer string) (Value, []errs.Fault) {
	switch f.Type {
	case model.Decimal:
		return parseDecimalField(f, s, pointer)
	case model.Timestamp:
		micros, err := ParseTimestamp(s)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfTimestamp(micros), nil
	case model.Date:
		date, err := ParseDate(s)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfDate(date), nil
	case model.UUID:
		id, ok := ParseUUID(s)
		if !ok {
			return Value{}, []errs.Fault{fault(pointer, "format", "must be a UUID such as 019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70")}
		}
		return OfUUID(id), nil
	case model.Enum:
		return parseEnum(f, s, pointer)
	default:
		return OfText(s), textFaults(f, s, pointer)
	}
}

func parseNumberField(f *model.Field, s, pointer string) (Value, []errs.Fault) {
	if f.Type == model.Float {
		x, err := parseFloat(s)
		if err != nil {
			return Value{}, faultOf(pointer, err)
		}
		return OfFloat(x), floatBounds(f, x, pointer)
	}
	i, err := parseInt(s)
	if err != nil {
		return Value{}, faultOf(pointer, err)
	}
	return OfInt(i), intBounds(f, i, pointer, func(n int64) string { return strconv.FormatInt(n, 10) })
}

// parseIntString reads an int that JSON has as a string.
func parseIntString(f *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	const want = `an int in a string, such as "9007199254740993"`
	if raw.Kind() != jsontext.KindString {
		return Value{}, wrongType(pointer, raw.Kind(), want)
	}
	s, ok := unquote(raw)
	if digits := strings.TrimPrefix(s, "-"); !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Value{}, []errs.Fault{fault(pointer, "format", "must be %s", want)}
	}
	i, err := parseInt(canonicalInt(s))
	if err != nil {
		return Value{}, faultOf(pointer, err)
	}
	return OfInt(i), intBounds(f, i, pointer, func(n int64) string { return strconv.FormatInt(n, 10) })
}

// canonicalInt leaves out zeros in front of an int, which JSON's own numbers do not have.
func canonicalInt(s string) string {
	digits, negative := strings.CutPrefix(s, "-")
	digits = strings.TrimLeft(digits, "0")
	switch {
	case digits == "":
		return "0"
	case negative:
		return "-" + digits
	}
	return digits
}

func parseDecimalField(f *model.Field, s, pointer string) (Value, []errs.Fault) {
	unscaled, bad := parseFieldDecimal(f, s)
	if bad != nil {
		faults := make([]errs.Fault, len(bad))
		for i, e := range bad {
			faults[i] = errs.Fault{Pointer: pointer, Code: e.code, Detail: e.detail}
		}
		return Value{}, faults
	}
	scale := uint8(f.Scale)
	return OfDecimal(unscaled, scale), intBounds(f, unscaled, pointer, func(n int64) string {
		return string(appendDecimal(nil, n, scale))
	})
}

func intBounds(f *model.Field, i int64, pointer string, show func(int64) string) []errs.Fault {
	switch {
	case f.Min != nil && i < *f.Min:
		return []errs.Fault{fault(pointer, "min", "must be at least %s", show(*f.Min))}
	case f.Max != nil && i > *f.Max:
		return []errs.Fault{fault(pointer, "max", "must be at most %s", show(*f.Max))}
	}
	return nil
}

func floatBounds(f *model.Field, x float64, pointer string) []errs.Fault {
	switch {
	case f.MinFloat != nil && x < *f.MinFloat:
		return []errs.Fault{fault(pointer, "min", "must be at least %s", appendFloat(nil, *f.MinFloat))}
	case f.MaxFloat != nil && x > *f.MaxFloat:
		return []errs.Fault{fault(pointer, "max", "must be at most %s", appendFloat(nil, *f.MaxFloat))}
	}
	return nil
}

func parseEnum(f *model.Field, s, pointer string) (Value, []errs.Fault) {
	var names []string
	for _, v := range f.Values {
		if v.Name == s {
			return OfText(v.Name), nil
		}
		names = append(names, v.Name)
	}
	return Value{}, []errs.Fault{fault(pointer, "enum", "must be one of %s", errs.Clip(strings.Join(names, ", "), 500))}
}
