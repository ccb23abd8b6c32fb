package postgres

import (
	stdbinary "encoding/binary"
	"strconv"
	"time"
)

// A numeric is sent as four numbers of 16 bits (count of digits, weight of the first, sign, digits after the point) and its
// digits, to the base 10,000. The first stands for digit × 10000^weight.

const negativeSign = 0x4000

// appendNumeric appends unscaled × 10^-scale.
func appendNumeric(dst []byte, unscaled int64, scale int) []byte {
	negative := unscaled < 0
	u := uint64(unscaled)
	if negative {
		u = -u
	}
	var buf [512]byte
	text := strconv.AppendUint(buf[:0], u, 10)
	whole := len(text) - scale // how many digits stand before the point; may be negative
	first := 4 * floorDiv(whole+3, 4)
	lead := first - whole // zeros that fill the first group
	groups := (lead + len(text) + 3) / 4
	if u == 0 {
		groups, first = 0, 4
	}
	sign := uint16(0)
	if negative {
		sign = negativeSign
	}
	for _, n := range [...]uint16{uint16(groups), uint16(int16(first/4 - 1)), sign, uint16(scale)} {
		dst = stdbinary.BigEndian.AppendUint16(dst, n)
	}
	for g := range groups {
		n := uint16(0)
		for i := 4*g - lead; i < 4*g-lead+4; i++ {
			n *= 10
			if 0 <= i && i < len(text) {
				n += uint16(text[i] - '0')
			}
		}
		dst = stdbinary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// readNumeric reads a numeric of at most 18 digits in units of 10^-scale.
func readNumeric(v []byte, scale int) (unscaled int64) {
	if len(v) < 8 {
		return 0
	}
	weight := int(int16(stdbinary.BigEndian.Uint16(v[2:])))
	negative := stdbinary.BigEndian.Uint16(v[4:]) == negativeSign
	for i, digits := 0, v[8:]; len(digits) >= 2; i, digits = i+1, digits[2:] {
		n := int64(stdbinary.BigEndian.Uint16(digits))
		exponent := 4*(weight-i) + scale
		for ; exponent > 0; exponent-- {
			n *= 10
		}
		for ; exponent < 0; exponent++ {
			n /= 10 // zeros: the value has no more than scale digits
		}
		unscaled += n
	}
	if negative {
		return -unscaled
	}
	return unscaled
}

// numericFits reports whether readNumeric can read a numeric: it is a number, has at most 18 digits, and only zeros after
// the first scale digits behind the point.
func numericFits(v []byte, scale int) bool {
	if len(v) < 8 {
		return false
	}
	weight := int(int16(stdbinary.BigEndian.Uint16(v[2:])))
	if sign := stdbinary.BigEndian.Uint16(v[4:]); sign != 0 && sign != negativeSign { // NaN, Infinity, -Infinity
		return false
	}
	for i, digits := 0, v[8:]; len(digits) >= 2; i, digits = i+1, digits[2:] {
		n := int(stdbinary.BigEndian.Uint16(digits))
		exponent := 4*(weight-i) + scale // of the group's last digit
		for ; exponent < 0 && n != 0; exponent++ {
			if n%10 != 0 {
				return false
			}
			n /= 10
		}
		if n != 0 && exponent+len(strconv.Itoa(n)) > 18 {
			return false
		}
	}
	return true
}

// PostgreSQL counts from 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86400 * 1_000_000
)

// parseDays returns the days since 1970-01-01 of a date that is written 2026-01-31.
func parseDays(s string) (int, error) {
	t, err := time.Parse(time.DateOnly, s)
	return int(t.Unix() / 86400), err // exact: midnight in UTC
}

func appendDate(dst []byte, days int) []byte {
	return time.Unix(int64(days)*86400, 0).UTC().AppendFormat(dst, time.DateOnly)
}
