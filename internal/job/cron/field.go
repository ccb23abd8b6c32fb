package cron

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// A fieldSpec says what a field may contain.
type fieldSpec struct {
	name      string
	low, high int
	names     string // three letters each, the first for low
}

var (
	minuteField  = fieldSpec{name: "minute", low: 0, high: 59}
	hourField    = fieldSpec{name: "hour", low: 0, high: 23}
	dayField     = fieldSpec{name: "day", low: 1, high: 31}
	monthField   = fieldSpec{name: "month", low: 1, high: 12, names: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"}
	weekdayField = fieldSpec{name: "weekday", low: 0, high: 7, names: "SUN MON TUE WED THU FRI SAT"}
)

// isWeekday returns true for the field in which the lowest and the highest number mean the same day.
func (s fieldSpec) isWeekday() bool { return s.high == 7 }

// A field is what a field of an expression says.
type field struct {
	set  set
	star bool // a part is *, also with a step
}

func parseField(spec fieldSpec, whole word) (field, error) {
	var result field
	for offset, rest := whole.offset, whole.text; ; {
		text, more, isList := strings.Cut(rest, ",")
		part := word{text, offset}
		if part.text == "*" && whole.text != "*" {
			return field{}, faultAt(offset, "* is every %s already: remove the rest of the list", spec.name)
		}
		numbers, err := parsePart(spec, part)
		if err != nil {
			return field{}, err
		}
		result.set |= numbers
		result.star = result.star || strings.HasPrefix(part.text, "*")
		if !isList {
			break
		}
		rest, offset = more, offset+len(text)+len(",")
	}
	if spec.isWeekday() && result.set.has(7) {
		result.set = result.set&^span(7, 7) | span(0, 0)
	}
	return result, nil
}

// parsePart reads one part of a list: a number, a range or *, the latter two perhaps with a step.
func parsePart(spec fieldSpec, part word) (set, error) {
	body, step, hasStep := strings.Cut(part.text, "/")
	low, high, err := parseRange(spec, word{body, part.offset})
	switch {
	case err != nil:
		return 0, err
	case !hasStep:
		return span(low, high), nil
	}
	at := part.offset + len(body) + len("/")
	size, ok := parseNumber(step)
	switch {
	case !ok || size == 0:
		return 0, faultAt(at, "the step %q is no number above 0: write a step such as */5", excerpt(step))
	case body != "*" && !strings.Contains(body, "-"):
		return 0, faultAt(part.offset, "a step needs a range: write %s-%d/%s or */%s", body, spec.last(), excerpt(step), excerpt(step))
	case size > high-low:
		return 0, faultAt(at, "a step of %s leads past the last %s, %d: only %d is left, so write %d", excerpt(step), spec.name, high, low, low)
	}
	var numbers set
	for number := low; number <= high; number += size {
		numbers |= span(number, number)
	}
	return numbers, nil
}

// last returns the highest number of *. Sunday is 0 there.
func (s fieldSpec) last() int {
	if s.isWeekday() {
		return 6
	}
	return s.high
}

// like returns a number as the user wrote another: as a name or in digits.
func (s fieldSpec) like(written string, number int) string {
	if _, isNumber := parseNumber(written); isNumber {
		return strconv.Itoa(number)
	}
	return strings.Fields(s.names)[number-s.low]
}

// parseRange reads *, a number or a range.
func parseRange(spec fieldSpec, body word) (low, high int, err error) {
	if body.text == "*" {
		return spec.low, spec.last(), nil
	}
	first, second, isRange := strings.Cut(body.text, "-")
	if low, err = parseValue(spec, word{first, body.offset}); err != nil || !isRange {
		return low, low, err
	}
	if high, err = parseValue(spec, word{second, body.offset + len(first) + len("-")}); err != nil {
		return 0, 0, err
	}
	if spec.isWeekday() && high == 0 && low > 0 {
		high = 7 // FRI-SUN
	}
	if low > high {
		return 0, 0, faultAt(body.offset, "the range %s runs backwards: write two, %s-%s,%s-%s",
			excerpt(body.text), first, spec.like(first, spec.last()), spec.like(second, spec.low), second)
	}
	return low, high, nil
}

// parseValue reads a number or a name.
func parseValue(spec fieldSpec, value word) (int, error) {
	if number, ok := parseNumber(value.text); ok {
		if number < spec.low || number > spec.high {
			return 0, faultAt(value.offset, "the %s %s is out of range: write a number from %d to %d", spec.name, excerpt(value.text), spec.low, spec.high)
		}
		return number, nil
	}
	names := strings.Fields(spec.names)
	for i, name := range names {
		if strings.EqualFold(name, value.text) {
			return spec.low + i, nil
		}
	}
	return 0, unknownValue(spec, value, names)
}

// parseNumber reads digits. A number that has too many is out of range for every field.
func parseNumber(text string) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return 1 << 30, true
	}
	return number, true
}

// unknownValue returns the error for a value that is no number and no name.
func unknownValue(spec fieldSpec, value word, names []string) error {
	upper := strings.ToUpper(value.text)
	switch {
	case upper == "":
		return faultAt(value.offset, "a %s is missing here: write %s", spec.name, spec.allowed())
	case strings.Contains(upper, "?"):
		return faultAt(value.offset, "? is not supported: write * for any %s", spec.name)
	case strings.Contains(upper, "*"):
		return faultAt(value.offset, "* stands alone or before a step: write *, */5 or %s", spec.allowed())
	case isQuartz(upper):
		return faultAt(value.offset, "%s is not supported, as L, W and # belong to other schedulers: "+
			"run the job on every day in question, and let it check the date", excerpt(value.text))
	case len(upper) > 3 && strings.Contains(spec.names, upper[:3]) && isLetters(upper):
		return faultAt(value.offset, "names have three letters: write %s", upper[:3])
	}
	return faultAt(value.offset, "%q is no %s: write %s%s", excerpt(value.text), spec.name, spec.allowed(), suggest.DidYouMean(upper, names))
}

func (s fieldSpec) allowed() string {
	numbers := "a number from " + strconv.Itoa(s.low) + " to " + strconv.Itoa(s.high)
	if s.names == "" {
		return numbers
	}
	return numbers + ", or " + s.names[:3] + " to " + s.names[len(s.names)-3:]
}

// isQuartz returns true for values such as L, 5L, FRIL, LW, 15W and MON#2.
func isQuartz(upper string) bool {
	if strings.Contains(upper, "#") {
		return true
	}
	start := strings.TrimRight(upper, "LW")
	if start == upper {
		return false
	}
	_, isNumber := parseNumber(start)
	return start == "" || isNumber || (len(start) == 3 && isLetters(start) && strings.Contains(weekdayField.names, start))
}

func isLetters(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}
