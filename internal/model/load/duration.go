package load

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

var (
	durationShape      = regexp.MustCompile(`^([1-9][0-9]{0,8})(s|m|h|d)$`)
	shortDurationShape = regexp.MustCompile(`^([1-9][0-9]{0,8})(ms|s|m|h|d)$`)
)

var durationUnits = map[string]time.Duration{"d": day, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond}

// setDuration reads a length of time, such as 90s, 10m, 12h or 14d, from least to most.
func (l *loader) setDuration(target *time.Duration, key member, least, most time.Duration) {
	l.setLength(target, key, durationShape, []string{"90s", "10m", "12h", "14d"}, least, most)
}

// setShortDuration is setDuration for lengths that may be in milliseconds, such as 300ms.
func (l *loader) setShortDuration(target *time.Duration, key member, least, most time.Duration) {
	l.setLength(target, key, shortDurationShape, []string{"300ms", "2s", "1m"}, least, most)
}

func (l *loader) setLength(target *time.Duration, key member, shape *regexp.Regexp, examples []string, least, most time.Duration) {
	if key.value.kind == invalid {
		return
	}
	length, ok := parseDuration(key.value, shape)
	if !ok || length < least || length > most {
		l.fault(key.value.pos, "%s must be a length of time from %s to %s, such as %s", key.name, formatDuration(least), formatDuration(most), examplesWithin(examples, least, most))
		return
	}
	*target = length
}

// examplesWithin returns the examples from least to most as a list in words. If none fits, least is the example.
func examplesWithin(examples []string, least, most time.Duration) string {
	var fitting []string
	for _, example := range examples {
		if length, ok := parseLength(example, shortDurationShape); ok && length >= least && length <= most {
			fitting = append(fitting, example)
		}
	}
	switch last := len(fitting) - 1; last {
	case -1:
		return formatDuration(least)
	case 0:
		return fitting[0]
	default:
		return strings.Join(fitting[:last], ", ") + " or " + fitting[last]
	}
}

func parseDuration(value *node, shape *regexp.Regexp) (time.Duration, bool) {
	if value.kind != text {
		return 0, false
	}
	return parseLength(value.text, shape)
}

func parseLength(text string, shape *regexp.Regexp) (time.Duration, bool) {
	parts := shape.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	count, err := strconv.ParseInt(parts[1], 10, 64)
	unit := durationUnits[parts[2]]
	return time.Duration(count) * unit, err == nil && count <= int64(1<<62)/int64(unit)
}

func formatDuration(length time.Duration) string { return model.FormatDuration(length) }
