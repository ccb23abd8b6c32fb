package openapi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// limits returns the keywords for the limits of a field.
func limits(f *model.Field) object {
	switch f.Type {
	case model.Text:
		return textLimits(f)
	case model.Int:
		return intLimits(f)
	case model.Float:
		return floatLimits(f)
	case model.Decimal:
		return decimalLimits(f)
	}
	return nil
}

func textLimits(f *model.Field) object {
	var o object
	least := int64(0)
	if f.System {
		least = 1 // an empty id would have no path
	}
	if f.Min != nil {
		least = max(least, *f.Min)
	}
	if least > 0 {
		o.add("minLength", least)
	}
	if f.Max != nil {
		o.add("maxLength", *f.Max)
	}
	switch f.Format {
	case "email":
		o.add("format", "idn-email")
		o.add("pattern", `^[^@\x00-\x20\x7f-\xa0]+@[^@\x00-\x20\x7f-\xa0]+$`)
	case "url":
		o.add("format", "uri")
		o.add("pattern", `^https?://`)
	case "slug":
		o.add("pattern", `^[a-z0-9]+(-[a-z0-9]+)*$`)
	default:
		if f.Pattern != nil {
			if p, ok := portable(f.Pattern.String()); ok {
				o.add("pattern", p)
			}
		}
	}
	return o
}

// wholeNumber is the pattern of an int that is sent as a string.
const wholeNumber = `^-?[0-9]+$`

func intLimits(f *model.Field) object {
	var o object
	if f.AsString {
		o.add("pattern", wholeNumber)
		if f.Min != nil {
			o.add("x-minimum", strconv.FormatInt(*f.Min, 10))
		}
		if f.Max != nil {
			o.add("x-maximum", strconv.FormatInt(*f.Max, 10))
		}
		return o
	}
	if f.Min != nil {
		o.add("minimum", *f.Min)
	}
	if f.Max != nil {
		o.add("maximum", *f.Max)
	}
	return o
}

func floatLimits(f *model.Field) object {
	var o object
	if f.MinFloat != nil {
		o.add("minimum", *f.MinFloat)
	}
	if f.MaxFloat != nil {
		o.add("maximum", *f.MaxFloat)
	}
	return o
}

// decimalLimits returns a pattern and two extension keywords, since no standard keyword compares the content of strings.
func decimalLimits(f *model.Field) object {
	o := object{{"pattern", writtenDecimal(f)}}
	if f.Min != nil {
		o.add("x-minimum", decimalText(f, *f.Min))
	}
	if f.Max != nil {
		o.add("x-maximum", decimalText(f, *f.Max))
	}
	return o
}

// decimalText returns a limit as decimal text.
func decimalText(f *model.Field, unscaled int64) string {
	return strings.Trim(string(value.AppendValue(nil, value.OfDecimal(unscaled, uint8(f.Scale)))), `"`)
}

// shownDecimal returns the pattern of a decimal in an answer. It has all digits after the point.
func shownDecimal(f *model.Field) string {
	if f.Scale == 0 {
		return `^-?[0-9]+$`
	}
	return fmt.Sprintf(`^-?[0-9]+\.[0-9]{%d}$`, f.Scale)
}

// writtenDecimal returns the pattern of a decimal in a body. It allows as many digits as the field holds, and any leading
// zeros. If the limits exclude one sign, so does the pattern.
func writtenDecimal(f *model.Field) string {
	sign := `[+-]?`
	switch {
	case f.Min != nil && *f.Min >= 0:
		sign = `\+?`
	case f.Max != nil && *f.Max < 0:
		sign = `-`
	}
	whole := `0+`
	if n := f.Precision - f.Scale; n > 0 {
		whole = fmt.Sprintf(`0*[0-9]{1,%d}`, n)
	}
	if f.Scale == 0 {
		return `^` + sign + whole + `$`
	}
	return fmt.Sprintf(`^%s%s(\.[0-9]{1,%d})?$`, sign, whole, f.Scale)
}
