package webhook

import (
	"net/http"
	"strings"
	"time"
)

// Attempts is how often a message is tried.
const Attempts = 10

// pauses returns the pause before each attempt, as the specification proposes. They span 75 hours and 35 minutes.
func pauses() [Attempts]time.Duration {
	return [...]time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
		5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// jitter is how much longer a pause may get, so that messages that failed together do not come back together.
const jitter = 0.1

// Pause returns the pause before an attempt. The first attempt is 1. wanted is what the receiver asked for, see RetryAfter. It
// makes the pause longer, but not shorter. random is from 0 to 1. ok is false if the attempts are used up.
func Pause(attempt int, wanted time.Duration, random float64) (pause time.Duration, ok bool) {
	if attempt < 1 || attempt > Attempts {
		return 0, false
	}
	pause = max(pauses()[attempt-1], min(wanted, MaxRetryAfter))
	return pause + time.Duration(float64(pause)*jitter*random), true
}

// MaxRetryAfter bounds what a receiver may ask for.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter returns the pause that a receiver asks for in Retry-After, in seconds or as a date (RFC 9110). It is bounded by
// MaxRetryAfter. ok is false if there is none that can be read.
func RetryAfter(header http.Header, now time.Time) (pause time.Duration, ok bool) {
	text := strings.Trim(header.Get("Retry-After"), " \t")
	if text == "" || len(text) > maxRetryText {
		return 0, false
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return parseSeconds(text), true
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), MaxRetryAfter), true
}

const maxRetryText = 64

// parseSeconds reads digits. A number that is too large for a variable is the bound.
func parseSeconds(digits string) time.Duration {
	var seconds time.Duration
	for _, digit := range []byte(digits) {
		seconds = seconds*10 + time.Duration(digit-'0')
		if seconds > MaxRetryAfter/time.Second {
			return MaxRetryAfter
		}
	}
	return seconds * time.Second
}
