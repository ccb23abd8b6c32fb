package value

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// Convertible reports whether values of one type can become values of another. Numbers become numbers, 0 and 1 bool
// and back, a date its midnight and back, anything text or json and back.
func Convertible(from, to model.Type) bool {
	switch {
	case from == to, isText(from), isText(to), from == model.JSON, to == model.JSON:
		return true
	case isNumeric(from) && isNumeric(to):
		return true
	}
	switch [2]model.Type{from, to} {
	case [2]model.Type{model.Bool, model.Int}, [2]model.Type{model.Int, model.Bool},
		[2]model.Type{model.Date, model.Timestamp}, [2]model.Type{model.Timestamp, model.Date}:
		return true
	}
	return false
}

func isText(typ model.Type) bool { return typ == model.Text || typ == model.Enum }

func isNumeric(typ model.Type) bool {
	return typ == model.Int || typ == model.Float || typ == model.Decimal
}

// Convert returns a value of one field as a value of the field that replaces it: the same number, text, day or
// instant, never cut. The error explains a refusal. Convert ignores the limits for new values (min, max, pattern,
// format, schema).
func Convert(from, to *model.Field, v Value) (Value, error) {
	if v.IsNull() {
		return v, nil
	}
	unbound := &model.Field{Name: to.Name, Type: to.Type, System: to.System, Precision: to.Precision, Scale: to.Scale, Values: to.Values}
	out, faults := convert(from, unbound, v)
	switch {
	case len(faults) > 0:
		return Value{}, &parseError{faults[0].Code, faults[0].Detail}
	case to.Type == model.Float && !keepsPrecision(v, out):
		return Value{}, &parseError{"range", "has more digits than a float holds"}
	}
	return out, nil
}

func convert(from, to *model.Field, v Value) (Value, []errs.Fault) {
	switch {
	case from.Type == model.JSON && to.Type == model.JSON:
		return v, nil
	case from.Type == model.JSON && to.Type == model.Decimal && jsontext.Value(v.Text).Kind() == jsontext.KindNumber:
		return parseString(to, trimZeros(v.Text), "")
	case from.Type == model.JSON:
		return parseJSON(to, jsontext.Value(v.Text), "")
	case to.Type == model.JSON:
		return OfJSON(string(AppendValue(nil, v))), nil
	case from.Type == model.Enum && to.Type == model.Enum:
		return parseString(to, currentName(to, v.Text), "")
	}
	text := plainText(v, to.Type)
	switch to.Type {
	case model.Bool:
		return parseBool(text)
	case model.Int, model.Float:
		if from.Type == model.Bool {
			text = strconv.FormatInt(v.Int, 10)
		}
		return parseNumberField(to, text, "")
	case model.Timestamp:
		if from.Type == model.Date {
			text += "T00:00:00Z"
		}
	case model.Date:
		if from.Type == model.Timestamp {
			day, midnight := strings.CutSuffix(text, "T00:00:00.000000Z")
			if !midnight {
				return Value{}, []errs.Fault{fault("", "type", "has a time of day other than midnight")}
			}
			text = day
		}
	}
	return parseString(to, text, "")
}

// plainText returns the JSON of a value without quotes. A number that becomes a decimal keeps every digit.
func plainText(v Value, to model.Type) string {
	switch v.Kind {
	case Text, Date, UUID:
		return v.Text
	case Decimal:
		if to == model.Text {
			return string(appendDecimal(nil, v.Int, v.Scale))
		}
		return trimZeros(string(appendDecimal(nil, v.Int, v.Scale)))
	case Float:
		if to == model.Decimal {
			return strconv.FormatFloat(v.Float, 'f', -1, 64)
		}
	}
	return strings.Trim(string(AppendValue(nil, v)), `"`)
}

// trimZeros takes the zeros from the end of a fraction.
func trimZeros(text string) string {
	if !strings.Contains(text, ".") || strings.ContainsAny(text, "eE") {
		return text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// currentName returns the present name of an enum's value.
func currentName(to *model.Field, name string) string {
	now := name
	for _, member := range to.Values {
		if member.Name == name {
			return name
		}
		if member.Was == name {
			now = member.Name
		}
	}
	return now
}

func parseBool(text string) (Value, []errs.Fault) {
	switch text {
	case "true", "1":
		return OfBool(true), nil
	case "false", "0":
		return OfBool(false), nil
	}
	return Value{}, []errs.Fault{fault("", "type", "must be true, false, 1 or 0")}
}

// keepsPrecision reports whether a converted float reads back as the same number: an integer exactly, a decimal or a
// text in its own number of digits.
func keepsPrecision(v, f Value) bool {
	switch v.Kind {
	case Decimal:
		return trimZeros(string(appendDecimal(nil, v.Int, v.Scale))) == strconv.FormatFloat(f.Float, 'f', -1, 64)
	case Text, JSON:
		return sameNumber(v.Text, strconv.FormatFloat(f.Float, 'e', -1, 64))
	}
	return CompareNumbers(v, f) == 0
}

// sameNumber compares the texts of two JSON numbers. -0 is 0.
func sameNumber(a, b string) bool {
	x, okX := parseNumber(a)
	y, okY := parseNumber(b)
	if x.digits == "" && y.digits == "" {
		return okX && okY
	}
	return okX && okY && x == y
}
