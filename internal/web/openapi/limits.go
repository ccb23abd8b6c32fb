package openapi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// limits returns the keywords for the limits of a field.
func limits(field *model.Field) object {
	switch field.Type {
	case model.Text:
		return textLimits(field)
	case model.Int:
		return intLimits(field)
	case model.Float:
		return floatLimits(field)
	case model.Decimal:
		return decimalLimits(field)
	}
	return nil
}

func textLimits(field *model.Field) object {
	var obj object
	least := int64(0)
	if field.System {
		least = 1 // an empty id would have no path
	}
	if field.Min != nil {
		least = max(least, *field.Min)
	}
	if least > 0 {
		obj.add("minLength", least)
	}
	if field.Max != nil {
		obj.add("maxLength", *field.Max)
	}
	switch field.Format {
	case "email":
		obj.add("format", "idn-email")
		obj.add("pattern", `^[^@\x00-\x20\x7f-\xa0]+@[^@\x00-\x20\x7f-\xa0]+$`)
	case "url":
		obj.add("format", "uri")
		obj.add("pattern", `^https?://`)
	case "slug":
		obj.add("pattern", `^[a-z0-9]+(-[a-z0-9]+)*$`)
	default:
		if field.Pattern != nil {
			if p, ok := portable(field.Pattern.String()); ok {
				obj.add("pattern", p)
			}
		}
	}
	return obj
}

// wholeNumber is the pattern of an int sent in a string.
const wholeNumber = `^-?[0-9]+$`

func intLimits(field *model.Field) object {
	var obj object
	if field.AsString {
		obj.add("pattern", wholeNumber)
		if field.Min != nil {
			obj.add("x-minimum", strconv.FormatInt(*field.Min, 10))
		}
		if field.Max != nil {
			obj.add("x-maximum", strconv.FormatInt(*field.Max, 10))
		}
		return obj
	}
	if field.Min != nil {
		obj.add("minimum", *field.Min)
	}
	if field.Max != nil {
		obj.add("maximum", *field.Max)
	}
	return obj
}

func floatLimits(field *model.Field) object {
	var obj object
	if field.MinFloat != nil {
		obj.add("minimum", *field.MinFloat)
	}
	if field.MaxFloat != nil {
		obj.add("maximum", *field.MaxFloat)
	}
	return obj
}

// decimalLimits returns a pattern and two extension keywords, since no standard keyword compares the content of strings.
func decimalLimits(field *model.Field) object {
	obj := object{{"pattern", writtenDecimal(field)}}
	if field.Min != nil {
		obj.add("x-minimum", decimalText(field, *field.Min))
	}
	if field.Max != nil {
		obj.add("x-maximum", decimalText(field, *field.Max))
	}
	return obj
}

// decimalText returns a limit as decimal text.
func decimalText(field *model.Field, unscaled int64) string {
	return strings.Trim(string(value.AppendValue(nil, value.OfDecimal(unscaled, uint8(field.Scale)))), `"`)
}

// shownDecimal returns the pattern of a decimal in an answer. It has all digits after the point.
func shownDecimal(field *model.Field) string {
	if field.Scale == 0 {
		return `^-?[0-9]+$`
	}
	return fmt.Sprintf(`^-?[0-9]+\.[0-9]{%d}$`, field.Scale)
}

// writtenDecimal returns the pattern of a decimal in a body. It allows the field's number of digits, and any leading
// zeros. If the limits exclude one sign, so does the pattern.
func writtenDecimal(field *model.Field) string {
	sign := `[+-]?`
	switch {
	case field.Min != nil && *field.Min >= 0:
		sign = `\+?`
	case field.Max != nil && *field.Max < 0:
		sign = `-`
	}
	whole := `0+`
	if n := field.Precision - field.Scale; n > 0 {
		whole = fmt.Sprintf(`0*[0-9]{1,%d}`, n)
	}
	if field.Scale == 0 {
		return `^` + sign + whole + `$`
	}
	return fmt.Sprintf(`^%s%s(\.[0-9]{1,%d})?$`, sign, whole, field.Scale)
}
