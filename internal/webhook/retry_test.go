package webhook

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPauses(t *testing.T) {
	// The table of the specification: delay, and time since the start.
	want := []struct{ delay, since string }{
		{"0s", "0s"}, {"5s", "5s"}, {"5m", "5m5s"}, {"30m", "35m5s"}, {"2h", "2h35m5s"},
		{"5h", "7h35m5s"}, {"10h", "17h35m5s"}, {"14h", "31h35m5s"}, {"20h", "51h35m5s"}, {"24h", "75h35m5s"},
	}
	if len(want) != Attempts {
		t.Fatalf("%d attempts", Attempts)
	}
	var since time.Duration
	for i, tt := range want {
		pause, ok := Pause(i+1, 0, 0)
		since += pause
		if delay, _ := time.ParseDuration(tt.delay); !ok || pause != delay {
			t.Errorf("attempt %d: %v, %v, want %s", i+1, pause, ok, tt.delay)
		}
		if total, _ := time.ParseDuration(tt.since); since != total {
			t.Errorf("attempt %d is at %v, want %s", i+1, since, tt.since)
		}
	}
	for _, attempt := range []int{-1, 0, Attempts + 1} {
		if _, ok := Pause(attempt, 0, 0); ok {
			t.Errorf("there is an attempt %d", attempt)
		}
	}
}

func TestAPauseIsAtLeastWhatTheReceiverWants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(1, Attempts).Draw(t, "attempt")
		wanted := time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(t, "wanted"))
		random := rapid.Float64Range(0, 1).Draw(t, "random")
		least := max(pauses()[attempt-1], min(wanted, MaxRetryAfter))
		pause, ok := Pause(attempt, wanted, random)
		if !ok || pause < least || pause > least+least/10+1 {
			t.Errorf("Pause(%d, %v, %v) = %v, %v", attempt, wanted, random, pause, ok)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	const none = -1
	for _, tt := range []struct {
		text string
		want time.Duration
	}{
		{"0", 0}, {"120", 2 * time.Minute}, {" 120\t", 2 * time.Minute}, {"007", 7 * time.Second}, {"86400", 24 * time.Hour}, {"86401", 24 * time.Hour},
		{strings.Repeat("9", 60), 24 * time.Hour}, {"18446744073709551617", 24 * time.Hour}, {"9223372037", 24 * time.Hour},
		{"Sun, 01 Mar 2026 02:05:00 GMT", 5 * time.Minute}, {"Sunday, 01-Mar-26 02:05:00 GMT", 5 * time.Minute}, {"Sun Mar  1 02:05:00 2026", 5 * time.Minute},
		{"Sun, 01 Mar 2026 01:00:00 GMT", 0}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0}, {"Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour},
		{"", none}, {" ", none}, {"-1", none}, {"+1", none}, {"1.5", none}, {"1e3", none}, {"0x10", none}, {"soon", none}, {"120 s", none}, {"120, 60", none}, {"１２", none},
		{"Sun, 01 Mar 2026 02:05:00", none}, {"2026-03-01T02:05:00Z", none}, {strings.Repeat("9", maxRetryText+1), none},
	} {
		pause, ok := RetryAfter(http.Header{"Retry-After": {tt.text}}, now)
		if ok != (tt.want != none) || (ok && pause != tt.want) {
			t.Errorf("RetryAfter(%q) = %v, %v, want %v", tt.text, pause, ok, tt.want)
		}
	}
	if _, ok := RetryAfter(http.Header{}, now); ok {
		t.Error("no header asks for a pause")
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"120", "Sun, 01 Mar 2026 02:05:00 GMT", "-1", "99999999999999999999"} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		pause, ok := RetryAfter(http.Header{"Retry-After": {text}}, now)
		if pause < 0 || pause > MaxRetryAfter || (!ok && pause != 0) {
			t.Errorf("RetryAfter(%q) = %v, %v", text, pause, ok)
		}
	})
}

func TestJudge(t *testing.T) {
	special := map[int]Outcome{410: Gone, 429: Throttled, 502: Throttled, 504: Throttled}
	for status := range 600 {
		want, ok := special[status]
		switch {
		case ok:
		case status >= 200 && status <= 299:
			want = Delivered
		default:
			want = Failed
		}
		if got := Judge(status); got != want {
			t.Errorf("Judge(%d) = %s, want %s", status, got, want)
		}
	}
}
