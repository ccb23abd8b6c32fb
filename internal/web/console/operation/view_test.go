package operation

import (
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Whatever an address says, its links say the same again, and no link grows for ever.
func FuzzAddress(f *testing.F) {
	for _, query := range []string{
		"", "status=500&not.route=GET+%2F&last=1d", "from=2026-01-01&to=2026-02-01T12:00&min=1ms&max=2s&only=failed&text=x", "pick.from=2026-11-27T12:00&pick.max=2s&compare=failed",
		"route=&key=", "status=%ff&before=9", "last=400d&pick.min=1us", "min=9223372036854775807ns", "trace=00", "from=0001-01-01",
	} {
		f.Add(query)
	}
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		v := parseView(values, now)
		if !v.filter.From.Before(v.filter.To) {
			t.Errorf("%q: from %v to %v", query, v.filter.From, v.filter.To)
		}
		if len(v.Faults) > 0 {
			return
		}
		same := v.link(func(url.Values) {})
		_, text, _ := strings.Cut(same, "?")
		again, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		next := parseView(again, now)
		if got := next.link(func(url.Values) {}); got != same || len(next.Faults) > 0 || len(next.Where) != len(v.Where) {
			t.Errorf("%q becomes %q, then %q %v", query, same, got, next.Faults)
		}
		picked := v.Picked("status", "500")
		if strings.Contains(picked, "pick.") || strings.Contains(picked, "compare=") {
			t.Errorf("%q: the selection stays in %q", query, picked)
		}
	})
}

func TestSpansAreReadAsTheyAreWritten(t *testing.T) {
	for _, d := range []time.Duration{0, time.Microsecond, 1500 * time.Microsecond, 2 * time.Second, 90 * time.Second, time.Hour, 36 * time.Hour, maxSpan} {
		if got, err := parseSpan(formatSpan(d)); err != nil || got != d {
			t.Errorf("%v is written %q, and read as %v, %v", d, formatSpan(d), got, err)
		}
	}
	for _, text := range []string{"", "x", "-1s", "1.5d", "401d", "9999999h", "-1d"} {
		if d, err := parseSpan(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
}

func TestQuantilesAreThoseOfPrometheus(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		name   string
		share  float64
		bounds []float64
		counts []float64
		want   float64
		known  bool
	}{
		{"the middle of a bucket", 0.5, []float64{1, 2, inf}, []float64{0, 10, 10}, 1.5, true},
		{"the first bucket begins at 0", 0.5, []float64{1, inf}, []float64{10, 10}, 0.5, true},
		{"above the last bound", 0.99, []float64{1, 2, inf}, []float64{0, 0, 10}, 2, true},
		{"no events", 0.5, []float64{1, inf}, []float64{0, 0}, 0, false},
		{"only infinity", 0.5, []float64{inf}, []float64{3}, 0, false},
		{"a gap", 0.5, []float64{1, 2, 4, inf}, []float64{4, 4, 8, 8}, 1, true},
	} {
		if got, ok := quantile(tt.share, tt.bounds, tt.counts); got != tt.want || ok != tt.known {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, ok, tt.want, tt.known)
		}
	}
}

func TestCallersAreShortInTheLog(t *testing.T) {
	for caller, want := range map[string]string{
		"anonymous": "anonymous", "user:u1": "user:u1", "user:018f0000-0000-7000-8000-0000000000a1": "user:…0000000000a1", "": "", "user:" + strings.Repeat("ä", 20): "user:…" + strings.Repeat("ä", 12),
	} {
		if got := shortCaller(caller); got != want {
			t.Errorf("%q becomes %q, want %q", caller, got, want)
		}
	}
}

func TestNumbersAreShort(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{took(0), "0 µs"}, {took(1234 * time.Microsecond), "1.23 ms"}, {took(700 * time.Millisecond), "700 ms"}, {took(90 * time.Second), "1.5 min"},
		{size(0), "0 B"}, {size(1234), "1.23 kB"}, {size(80e6), "80 MB"}, {share(0.125), "12.5 %"}, {share(1), "100 %"}, {number(10), "10"}, {number(2.5), "2.5"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
