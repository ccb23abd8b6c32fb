package operation

import (
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// sentence writes a message of the server as a sentence.
func sentence(text string) string {
	if text == "" {
		return "The telemetry database cannot be read now."
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// took writes a length of time with three digits at most: 1.2 ms.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute:
		return digits(d.Seconds()) + " s"
	case d < time.Hour:
		return digits(d.Minutes()) + " min"
	}
	return digits(d.Hours()) + " h"
}

// size writes a number of bytes: 1.2 kB.
func size(n int64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB"}
	f, unit := float64(n), 0
	for f >= 1000 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	return digits(f) + " " + units[unit]
}

// bytes is size for a number of a metric.
func bytes(f float64) string { return size(int64(f)) }

// share writes a share in percent: 12.5 %.
func share(part float64) string { return digits(100*part) + " %" }

// amount writes how many there are of something that is no whole number, such as an average.
func amount(f float64) string {
	if f >= 1000 {
		return console.Grouped(int64(f + 0.5))
	}
	return digits(f)
}

// number writes a weight: whole numbers as they are.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// digits writes a number with three digits, or all digits before the point.
func digits(f float64) string {
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

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		return strconv.Itoa(n) + " " + stem + "ies"
	}
	return strconv.Itoa(n) + " " + one + "s"
}

func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return strconv.Itoa(status)
}

// percent writes the width of a bar.
func percent(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) + "%" }

// clip bounds a text of an address.
func clip(text string) string { return errs.Clip(strings.ToValidUTF8(text, "\uFFFD"), maxValue) }
