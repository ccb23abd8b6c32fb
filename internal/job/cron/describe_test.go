package cron

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func TestDescribe(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"* * * * *", "Every minute"},
		{"*/15 * * * *", "Every 15 minutes"},
		{"0,30 * * * *", "Every 30 minutes"},
		{"*/7 * * * *", "At every 7th minute from 0 to 56 of every hour"},
		{"0 * * * *", "Every hour"},
		{"5,35 * * * *", "At minutes 5 and 35 of every hour"},
		{"5-10 * * 5 *", "At minutes 5 to 10 of every hour in May"},
		{"30 2 * * *", "At 02:30 every day"},
		{"30 2 * * 1-5", "At 02:30 on Monday to Friday"},
		{"0 6,18 * * SUN,SAT", "At 06:00 and 18:00 on Saturday and Sunday"},
		{"0 8,12,16,20 * * *", "At 08:00, 12:00, 16:00 and 20:00 every day"},
		{"0 */2 * * *", "Every 2 hours"},
		{"0 */5 * * *", "Every 5 hours from 00:00 to 20:00"},
		{"5 1-23/2 * * *", "Every 2 hours from 01:05 to 23:05"},
		{"0 9-17 * * 1-5", "Every hour from 09:00 to 17:00 on Monday to Friday"},
		{"*/15 9-17 * * *", "Every 15 minutes from 09:00 to 17:45"},
		{"* 2 * * *", "Every minute from 02:00 to 02:59"},
		{"* 9,13 * * *", "Every minute of hours 9 and 13"},
		{"0,10 2,3,7-9 * * *", "At minutes 0 and 10 of hours 2, 3 and 7 to 9"},
		{"@monthly", "At 00:00 on day 1 of the month"},
		{"@yearly", "At 00:00 on day 1 of January"},
		{"0 0 1,15 3,9 *", "At 00:00 on days 1 and 15 of March and September"},
		{"0 12 * 6-8 *", "At 12:00 every day in June to August"},
		{"0 12 * 6-8 MON", "At 12:00 on Monday in June to August"},
		{"0 0 13 * FRI", "At 00:00 on day 13 of the month, and also on Friday"},
		{"0 0 13 5 FRI", "At 00:00 on day 13 of the month, and also on Friday, in May"},
		{"0 0 1-31 * FRI", "At 00:00 every day"},
		{"0 0 */2 * MON,TUE", "At 00:00 on every 2nd day from 1 to 31 of the month, if that day is Monday or Tuesday"},
		{"0 0 */3,2,31 * *", "At 00:00 on days 1, 2, 4, 7, 10, 13, 16, 19, 22, 25, 28 and 31 of the month"},
	} {
		if got := mustParse(t, tt.text).Describe(); got != tt.want {
			t.Errorf("Describe() of %q = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestDescribeTellsApart shows that a description says all of an expression: two with the same description match the same
// local times.
func TestDescribeTellsApart(t *testing.T) {
	random := effort.Seeds(t)(0)
	described := map[string]Expression{}
	for range effort.Cases(30_000, 3_000_000) {
		expression := mustParse(t, randomExpression(random))
		if random.IntN(2) == 0 { // few fields differ, so that many have a twin
			expression.days, expression.weekdays, expression.eitherDay = span(1, 31), span(0, 6), false
		} else {
			expression.minutes, expression.hours = span(0, 0), span(0, 0)
		}
		text := expression.Describe()
		other, ok := described[text]
		described[text] = expression
		if ok && !sameTimes(expression, other) {
			t.Fatalf("%+v and %+v are both described as %q", expression, other, text)
		}
	}
}

func sameTimes(a, b Expression) bool {
	if a.minutes != b.minutes || a.hours != b.hours || a.months != b.months {
		return false
	}
	for day := 1; day <= 31; day++ {
		for weekday := range 7 {
			if matchesDay(a, day, weekday) != matchesDay(b, day, weekday) {
				return false
			}
		}
	}
	return true
}

func matchesDay(e Expression, day, weekday int) bool {
	if e.eitherDay {
		return e.days.has(day) || e.weekdays.has(weekday)
	}
	return e.days.has(day) && e.weekdays.has(weekday)
}
