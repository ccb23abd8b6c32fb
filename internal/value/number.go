package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// number is the text of a JSON number, taken apart: digits × 10^exponent, without zeros at either end of digits.
type number struct {
	negative bool
	digits   string // "" is zero
	exponent int
}

// hugeExponent stands for all larger exponents. Any text is shorter, so its digits cannot compensate for it.
const hugeExponent = 1 << 27

// parseNumber splits the text of a JSON number, for any exponent.
func parseNumber(text string) (number, bool) {
	var n number
	n.negative = strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	whole, rest := cutDigits(text)
	if whole == "" || (len(whole) > 1 && whole[0] == '0') {
		return n, false
	}
	fraction := ""
	if strings.HasPrefix(rest, ".") {
		if fraction, rest = cutDigits(rest[1:]); fraction == "" {
			return n, false
		}
	}
	exponent, ok := parseExponent(rest)
	if !ok {
		return n, false
	}
	fraction = strings.TrimRight(fraction, "0")
	digits := whole
	if fraction != "" {
		digits = whole + fraction
	}
	n.digits = strings.TrimRight(digits, "0")
	n.exponent = exponent - len(fraction) + len(digits) - len(n.digits)
	n.digits = strings.TrimLeft(n.digits, "0")
	return n, true
}

func cutDigits(text string) (digits, rest string) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

func parseExponent(text string) (int, bool) {
	if text == "" {
		return 0, true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return 0, false
	}
	text = text[1:]
	sign := 1
	if text != "" && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	digits, rest := cutDigits(text)
	if digits == "" || rest != "" {
		return 0, false
	}
	e := 0
	for i := range len(digits) {
		e = min(e*10+int(digits[i]-'0'), hugeExponent)
	}
	return sign * e, true
}

// integer returns the value as an integer. why is "" if there is one, "type" for a fraction and "range" for a number
// too large.
func (n number) integer() (i int64, why string) {
	switch {
	case n.digits == "":
		return 0, ""
	case n.exponent < 0:
		return 0, "type"
	case len(n.digits)+n.exponent > 19:
		return 0, "range"
	}
	var u uint64
	for _, c := range []byte(n.digits) {
		u = u*10 + uint64(c-'0')
	}
	for range n.exponent {
		u *= 10 // at most 19 digits in all: no overflow
	}
	switch {
	case n.negative && u <= 1<<63:
		return int64(-u), ""
	case !n.negative && u <= math.MaxInt64:
		return int64(u), ""
	}
	return 0, "range"
}

func parseInt(text string) (int64, error) {
	n, ok := parseNumber(text)
	if !ok {
		return 0, &parseError{"type", "must be a whole number"}
	}
	switch i, why := n.integer(); why {
	case "":
		return i, nil
	case "type":
		return 0, &parseError{"type", "must be a whole number, without a fraction"}
	default:
		return 0, &parseError{"range", fmt.Sprintf("must be between %d and %d", math.MinInt64, math.MaxInt64)}
	}
}

func parseFloat(text string) (float64, error) {
	if _, ok := parseNumber(text); !ok { // strconv accepts more: hexadecimal, Inf
		return 0, &parseError{"type", "must be a number"}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, &parseError{"range", "must be between -1.7976931348623157e308 and 1.7976931348623157e308"}
	}
	return f + 0, nil // -0 becomes 0
}

// decimalText is the text of a decimal, taken apart.
type decimalText struct {
	negative        bool
	whole, fraction string // digits; whole without zeros in front
}

func cutDecimal(text string) (decimalText, bool) {
	var d decimalText
	d.negative = strings.HasPrefix(text, "-")
	if d.negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	whole, rest := cutDigits(text)
	if whole == "" {
		return d, false
	}
	d.whole = strings.TrimLeft(whole, "0")
	if rest == "" {
		return d, true
	}
	if rest[0] != '.' {
		return d, false
	}
	d.fraction, rest = cutDigits(rest[1:])
	return d, d.fraction != "" && rest == ""
}

// unscaled returns d × 10^scale; scale is at least the number of decimals, and the result has at most 18 digits.
func (d decimalText) unscaled(scale int) int64 {
	var u int64
	for _, c := range []byte(d.whole) {
		u = u*10 + int64(c-'0')
	}
	for i := range scale {
		u *= 10
		if i < len(d.fraction) {
			u += int64(d.fraction[i] - '0')
		}
	}
	if d.negative {
		return -u
	}
	return u
}

// ParseDecimal reads a decimal: an optional sign, digits, and after a point the decimals, as many as its scale. It
// allows 18 digits without leading zeros.
func ParseDecimal(text string) (unscaled int64, scale uint8, err error) {
	d, ok := cutDecimal(text)
	if !ok {
		return 0, 0, &parseError{"format", "must be a decimal such as 12.50"}
	}
	if len(d.whole)+len(d.fraction) > 18 {
		return 0, 0, &parseError{"precision", "must have at most 18 digits"}
	}
	return d.unscaled(len(d.fraction)), uint8(len(d.fraction)), nil
}

// parseFieldDecimal returns s at the field's scale, and every fault of its digits.
func parseFieldDecimal(field *model.Field, text string) (int64, []*parseError) {
	d, ok := cutDecimal(text)
	if !ok {
		return 0, []*parseError{{"format", "must be a decimal such as \"12.50\": an optional sign, digits, a point, digits"}}
	}
	var faults []*parseError
	if len(d.fraction) > field.Scale {
		faults = append(faults, &parseError{"scale", fmt.Sprintf("must have at most %s after the point, has %d", count(int64(field.Scale), "digit"), len(d.fraction))})
	}
	if most := field.Precision - field.Scale; len(d.whole) > most {
		faults = append(faults, &parseError{"precision", fmt.Sprintf("must have at most %s before the point, has %d", count(int64(most), "digit"), len(d.whole))})
	}
	if faults != nil {
		return 0, faults
	}
	return d.unscaled(field.Scale), nil
}

// count returns "1 digit", "2 digits".
func count(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}
