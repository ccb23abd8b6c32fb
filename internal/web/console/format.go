package console

import (
	"strconv"
	"strings"
	"time"
)

// Took writes a length of time with three digits at most: 1.2 ms.
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return Digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return Digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute:
		return Digits(d.Seconds()) + " s"
	case d < time.Hour:
		return Digits(d.Minutes()) + " min"
	}
	return Digits(d.Hours()) + " h"
}

// Digits writes a number with three digits, or all digits before the point.
func Digits(f float64) string {
	decimals := 2
	switch {
	case f >= 100 || f == float64(int64(f)):
		decimals = 0
	case f >= 10:
		decimals = 1
	}
	text := strconv.FormatFloat(f, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Plural writes how many there are of something: 2 queues.
func Plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		return Grouped(n) + " " + stem + "ies"
	}
	return Grouped(n) + " " + one + "s"
}
