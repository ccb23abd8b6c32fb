package model

import (
	"strconv"
	"time"
)

// FormatDuration writes a length of time as a model file does: in the largest unit that it is a multiple of.
func FormatDuration(length time.Duration) string {
	for _, in := range []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if length%in.unit == 0 {
			return strconv.FormatInt(int64(length/in.unit), 10) + in.name
		}
	}
	return length.String()
}
