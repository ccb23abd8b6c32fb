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

func took(d time.Duration) string { return console.Took(d) }

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

func digits(f float64) string { return console.Digits(f) }

func plural(n int, one string) string { return console.Plural(int64(n), one) }

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
