package pages

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// sentence returns a message of an error as a sentence for people.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// titleOf returns the title of the page about an error.
func titleOf(kind errs.Kind) string {
	switch kind {
	case errs.Limited:
		return "Too many attempts"
	case errs.Forbidden:
		return "This is not allowed"
	case errs.NotFound:
		return "There is nothing here"
	case errs.Unavailable:
		return "Too busy right now"
	case errs.Internal:
		return "Something went wrong"
	}
	return "This did not work"
}

// waitFor says how long to wait.
func waitFor(failure *errs.Error) string {
	what := "There were too many attempts."
	if failure.Kind == errs.Unavailable {
		what = "The server has too much to do."
	}
	return what + " Wait " + span(max(failure.RetryAfter, time.Second)) + ", then try again."
}

// span returns a time span in the largest fitting unit, rounded up.
func span(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*unit.length || d == unit.length {
			return count(int64((d+unit.length-1)/unit.length), unit.name)
		}
	}
	return count(int64((d+time.Second-1)/time.Second), "second")
}

func count(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// moment returns a time for people without a script. The script shows it in the time zone of the browser.
func moment(at time.Time) string { return at.UTC().Format("2 Jan 2006, 15:04 UTC") }

// stamp returns a time for programs.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// methods returns the names of methods for people.
func methods(names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		switch name {
		case "totp":
			name = "authenticator app"
		case "code":
			name = "mailed code"
		case "recovery":
			name = "recovery code"
		case "oidc":
			name = "another account"
		}
		words[i] = name
	}
	return strings.Join(words, ", ")
}

const day = 24 * time.Hour
