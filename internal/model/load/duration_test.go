package load

import (
	"testing"
	"time"
)

// TestExamplesLieInTheirRange has an example outside of the range for each bound.
func TestExamplesLieInTheirRange(t *testing.T) {
	long, short := []string{"90s", "10m", "12h", "14d"}, []string{"300ms", "2s", "1m"}
	for _, tt := range []struct {
		examples    []string
		least, most time.Duration
		want        string
	}{
		{long, time.Second, 400 * day, "90s, 10m, 12h or 14d"},
		{long, time.Hour, 31 * day, "12h or 14d"},
		{long, 10 * time.Second, time.Hour, "90s or 10m"},
		{long, time.Minute, 10 * time.Minute, "90s or 10m"},
		{long, day, 3650 * day, "14d"},
		{long, 30 * day, 60 * day, "30d"},
		{short, time.Millisecond, time.Minute, "300ms, 2s or 1m"},
		{short, 90 * time.Second, time.Hour, "90s"},
	} {
		if got := examplesWithin(tt.examples, tt.least, tt.most); got != tt.want {
			t.Errorf("examplesWithin(%v, %s, %s) = %q, want %q", tt.examples, tt.least, tt.most, got, tt.want)
		}
	}
}
