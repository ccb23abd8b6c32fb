package value

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// ParseDuration reads a duration in the format of CEL and Go ("1h30m", "-1.5s"), exactly. A fraction of a microsecond
// is an error, and so is a duration beyond ± MaxDuration.
func ParseDuration(text string) (micros int64, err error) {
	negative := strings.HasPrefix(text, "-")
	rest := text
	if negative || strings.HasPrefix(text, "+") {
		rest = text[1:]
	}
	if rest == "0" {
		return 0, nil
	}
	var nanos uint64
	for more := true; more; more = rest != "" {
		var part uint64
		if part, rest, err = cutDurationPart(rest); err != nil {
			return 0, err
		}
		if nanos += part; nanos > math.MaxInt64 { // both are at most MaxInt64: the sum does not wrap
			return 0, errDurationRange()
		}
	}
	switch {
	case nanos%1000 != 0:
		return 0, errDurationFine()
	case negative:
		return -int64(nanos / 1000), nil
	default:
		return int64(nanos / 1000), nil
	}
}

// cutDurationPart reads one number with its unit, such as 1.5h, and returns nanoseconds, at most MaxInt64.
func cutDurationPart(text string) (nanos uint64, rest string, err error) {
	whole, rest := cutDigits(text)
	fraction := ""
	if strings.HasPrefix(rest, ".") {
		fraction, rest = cutDigits(rest[1:])
	}
	unit, rest := cutUnit(rest)
	if unit == 0 || whole+fraction == "" {
		return 0, "", &parseError{"format", "must be a duration such as 1h30m, 1.5s or -250ms"}
	}
	n, err := strconv.ParseUint("0"+whole, 10, 64)
	hi, lo := bits.Mul64(n, unit)
	if err != nil || hi != 0 || lo > math.MaxInt64 {
		return 0, "", errDurationRange()
	}
	part, ok := fractionOf(strings.TrimRight(fraction, "0"), unit)
	if !ok {
		return 0, "", errDurationFine()
	}
	if lo += part; lo > math.MaxInt64 {
		return 0, "", errDurationRange()
	}
	return lo, rest, nil
}

// fractionOf returns 0.digits × unit if that is a whole number. An hour has 13 factors of two and 11 of five, so at
// most 13 digits without trailing zeros can give one.
func fractionOf(digits string, unit uint64) (uint64, bool) {
	if len(digits) > 13 {
		return 0, false
	}
	n, power := uint64(0), uint64(1)
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
		power *= 10
	}
	hi, lo := bits.Mul64(n, unit)
	quotient, remainder := bits.Div64(hi, lo, power) // n < power, so the quotient is below unit
	return quotient, remainder == 0
}

// cutUnit returns the nanoseconds of the unit at the start of the text, or 0, and the rest of it.
func cutUnit(text string) (uint64, string) {
	for _, u := range [...]struct {
		name  string
		nanos uint64
	}{
		{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
	} {
		if rest, ok := strings.CutPrefix(text, u.name); ok {
			return u.nanos, rest
		}
	}
	return 0, text
}

func errDurationRange() error {
	return &parseError{"range", "must be a duration of at most 2562047h47m16.854775s"}
}

func errDurationFine() error {
	return &parseError{"format", "must be a duration of whole microseconds"}
}

// appendDuration appends seconds with an s, the JSON of protobuf's durations.
func appendDuration(dst []byte, micros int64) []byte {
	u := abs(micros)
	if micros < 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, u/1_000_000, 10)
	if fraction := u % 1_000_000; fraction != 0 {
		dst = bytes.TrimRight(appendFraction(dst, fraction, 1_000_000), "0")
	}
	return append(dst, 's')
}
