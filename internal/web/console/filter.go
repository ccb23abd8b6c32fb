package console

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
)

// filterOf reads the filter of the page. Times are in UTC.
func filterOf(values url.Values) (f audit.Filter, err error) {
	text := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	f = audit.Filter{Action: text("action"), Actor: text("actor"), Account: text("account")}
	if f.Since, err = timeOf(text("since")); err != nil {
		return f, invalid("since", err.Error())
	}
	if f.Until, err = timeOf(text("until")); err != nil {
		return f, invalid("until", err.Error())
	}
	return f, nil
}

// timeOf reads a time of a form. No text is the zero time.
func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range [...]string{inputTime, "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("write a time in UTC such as 2027-01-31T12:00")
}
