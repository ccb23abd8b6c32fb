package cron

import (
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxText bounds the text of an expression. One that lists every number of every field has 358 characters.
const maxText = 1000

// An Expression is a valid cron expression. Parse makes it.
type Expression struct {
	text                                   string
	minutes, hours, days, months, weekdays set // weekdays from 0, Sunday, to 6

	eitherDay bool // a day needs to match only days or only weekdays
	follows   bool // follows the clock through its changes: see the package comment
}

// String returns the text that was parsed.
func (e Expression) String() string { return e.text }

// FollowsClock returns true if the minute or the hour has a *. Then changes of the clock skip or repeat runs.
func (e Expression) FollowsClock() bool { return e.follows }

// NeedsZone returns true if the hours or days of runs depend on the zone. In UTC, an expression of minutes alone is what most
// people mean.
func (e Expression) NeedsZone() bool {
	return e.hours != span(0, 23) || !e.everyDay() || e.months != span(1, 12)
}

// everyDay returns true if each day of a month matches.
func (e Expression) everyDay() bool {
	anyDay, anyWeekday := e.days == span(1, 31), e.weekdays == span(0, 6)
	return (anyDay && anyWeekday) || (e.eitherDay && (anyDay || anyWeekday))
}

// Parse reads an expression. An error is an *Error. It refuses an expression that is never due.
func Parse(text string) (Expression, error) {
	if err := checkText(text); err != nil {
		return Expression{}, err
	}
	words := split(text)
	if len(words) == 0 {
		return Expression{}, faultAt(0, "the expression is empty: write five fields, such as 30 2 * * *")
	}
	first := words[0]
	switch {
	case strings.HasPrefix(first.text, "@"):
		return parseNickname(text, words)
	case strings.HasPrefix(first.text, "TZ=") || strings.HasPrefix(first.text, "CRON_TZ="):
		return Expression{}, faultAt(first.offset, "an expression names no zone: remove %s and name it in the key zone", excerpt(first.text))
	}
	return parseFields(text, words)
}

// checkText refuses what can be in no expression. After it, an offset in bytes is one in code points, up to the first
// mistake.
func checkText(text string) error {
	for i, r := range text {
		switch {
		case i >= maxText:
			return faultAt(maxText, "the expression has more than %d characters", maxText)
		case r == utf8.RuneError || r > '~' || (r < ' ' && r != '\t'):
			return faultAt(i, "the character %q has no meaning in an expression: remove it", r)
		}
	}
	return nil
}

// A word is a part of an expression's text.
type word struct {
	text   string
	offset int
}

// split returns the words between blanks.
func split(text string) []word {
	var words []word
	for at := 0; at < len(text); {
		if text[at] == ' ' || text[at] == '\t' {
			at++
			continue
		}
		length := strings.IndexAny(text[at:], " \t")
		if length < 0 {
			length = len(text) - at
		}
		words = append(words, word{text[at : at+length], at})
		at += length
	}
	return words
}

// parseNickname reads a name such as @daily.
func parseNickname(text string, words []word) (Expression, error) {
	name := words[0]
	fields, ok := nicknameFields(name.text)
	switch {
	case name.text == "@reboot":
		return Expression{}, faultAt(name.offset, "@reboot is no time: write when the job is due, such as 30 2 * * *")
	case name.text == "@every":
		return Expression{}, faultAt(name.offset, "@every is not cron: remove cron, and write the length of time as every, such as every: 2h")
	case !ok:
		nicknames := []string{"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
		return Expression{}, faultAt(name.offset, "there is no name %s: write @hourly, @daily, @weekly, @monthly, @yearly or five fields%s",
			excerpt(name.text), suggest.DidYouMean(name.text, nicknames))
	case len(words) > 1:
		return Expression{}, faultAt(words[1].offset, "%s stands for all five fields: remove the rest", name.text)
	}
	return parseFields(text, split(fields))
}

func nicknameFields(name string) (string, bool) {
	switch name {
	case "@hourly":
		return "0 * * * *", true
	case "@daily", "@midnight":
		return "0 0 * * *", true
	case "@weekly":
		return "0 0 * * 0", true
	case "@monthly":
		return "0 0 1 * *", true
	case "@yearly", "@annually":
		return "0 0 1 1 *", true
	}
	return "", false
}

func parseFields(text string, words []word) (Expression, error) {
	const order = "minute, hour, day, month and weekday"
	specs := [...]fieldSpec{minuteField, hourField, dayField, monthField, weekdayField}
	switch {
	case len(words) < len(specs):
		return Expression{}, faultAt(len(text), "the expression has %d of five fields: write %s, with * for any", len(words), order)
	case len(words) > len(specs):
		return Expression{}, faultAt(words[len(specs)].offset,
			"this is one field too many: write only %s, without seconds and without a year", order)
	}
	var fields [len(specs)]field
	for i, spec := range specs {
		var err error
		if fields[i], err = parseField(spec, words[i]); err != nil {
			return Expression{}, err
		}
	}
	minute, hour, day, month, weekday := fields[0], fields[1], fields[2], fields[3], fields[4]
	expression := Expression{
		text: text, minutes: minute.set, hours: hour.set, days: day.set, months: month.set, weekdays: weekday.set,
		eitherDay: !day.star && !weekday.star,
		follows:   minute.star || hour.star,
	}
	if !expression.everDue() {
		return Expression{}, faultAt(words[2].offset, "the job would never run: no month of the expression has such a day")
	}
	return expression, nil
}

// everDue returns false if the months have none of the days, such as on 30 February.
func (e Expression) everDue() bool {
	if e.eitherDay {
		return true
	}
	for _, month := range e.months.numbers() {
		if e.days&span(1, longest(month)) != 0 {
			return true
		}
	}
	return false
}

// excerpt returns a text for a message, cut if it is long.
func excerpt(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
