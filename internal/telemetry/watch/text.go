package watch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// event returns an event of this moment.
func event(kind, format string, args ...any) archive.Event {
	return archive.Event{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// over returns an event that tells that something is over.
func over(kind, format string, args ...any) archive.Event {
	e := event(kind, format, args...)
	e.Details = archive.Over
	return e
}

// span writes a duration for people with two units at most: "2 h 3 min", "43 s", "850 ms".
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = d.Abs(); {
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return units(d, time.Minute, "min", time.Second, "s")
	case d < day:
		return units(d, time.Hour, "h", time.Minute, "min")
	}
	return units(d, day, "d", time.Hour, "h")
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	d = d.Round(small)
	text := fmt.Sprintf("%d %s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return text
}

// count writes a number with the word for one thing or for several.
func count(n int64, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// reason writes an error on one line for people, with its cause and without its kind.
func reason(err error) string {
	text := ""
	for {
		public, ok := errors.AsType[*errs.Error](err)
		if !ok {
			break
		}
		text += strings.TrimSuffix(public.Message, ".") + ": "
		err = public.Cause
	}
	if err != nil {
		text += err.Error()
	}
	return oneLine(strings.TrimRight(text, ".: "))
}

func oneLine(text string) string { return errs.Clip(strings.Join(strings.Fields(text), " "), 200) }
