package operation

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// maxSpan bounds the lengths of time that pages take, so that sums of them do not overflow.
const maxSpan = 400 * 24 * time.Hour

// parseSpan reads a length of time as Go writes it, or in days: 200ms, 1h30m, 14d.
func parseSpan(text string) (d time.Duration, err error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, errSpan
		}
		d = time.Duration(n) * 24 * time.Hour
	} else if d, err = time.ParseDuration(strings.ReplaceAll(text, " ", "")); err != nil {
		return 0, errSpan
	}
	if d < 0 || d > maxSpan {
		return 0, errSpan
	}
	return d, nil
}

var errSpan = errors.New("write a length of time such as 200ms, 1.5s or 2h, up to 400d")

// formatSpan writes a length of time so that parseSpan reads it.
func formatSpan(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}

// timeForms are the forms of times in addresses and forms, in UTC.
func timeForms() []string {
	return []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04", time.DateOnly}
}

// parseTime reads a time of an address or a form.
func parseTime(text string) (time.Time, error) {
	for _, form := range timeForms() {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 && at.Year() < 2262 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("write a time in UTC such as 2027-01-31T12:00")
}

// formatTime writes a time for an address or a form, to the microsecond.
func formatTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999999") }
