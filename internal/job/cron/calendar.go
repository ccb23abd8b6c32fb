package cron

import "time"

const (
	minutesPerDay = 24 * 60
	secondsPerDay = minutesPerDay * 60

	// searchedMonths bounds the search for a day. The rarest day of an expression, 29 February on one weekday, has gaps of up
	// to 40 years, because 2100 is no leap year.
	searchedMonths = 41 * 12
)

// longest returns the number of days that a month has at most.
func longest(month int) int {
	switch month {
	case 2:
		return 29
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// localFrom returns the first time of the expression that is not before minute. Both are local times without a zone, in
// minutes since 1 January 1970.
func (e Expression) localFrom(minute int64) (int64, bool) {
	day := floorDivide(minute, minutesPerDay)
	found, ok := e.dayFrom(day)
	if ok && found == day {
		if clock, ok := e.clockFrom(int(minute - day*minutesPerDay)); ok {
			return day*minutesPerDay + int64(clock), true
		}
		found, ok = e.dayFrom(day + 1)
	}
	if !ok {
		return 0, false
	}
	clock, ok := e.clockFrom(0)
	return found*minutesPerDay + int64(clock), ok
}

// clockFrom returns the first time of a day that is not before clock, in minutes since midnight.
func (e Expression) clockFrom(clock int) (int, bool) {
	hour, ok := e.hours.from(clock / 60)
	if !ok {
		return 0, false
	}
	if hour == clock/60 {
		if minute, ok := e.minutes.from(clock % 60); ok {
			return hour*60 + minute, true
		}
		if hour, ok = e.hours.from(hour + 1); !ok {
			return 0, false
		}
	}
	minute, ok := e.minutes.from(0)
	return hour*60 + minute, ok
}

// dayFrom returns the first matching day that is not before day, in days since 1 January 1970.
func (e Expression) dayFrom(day int64) (int64, bool) {
	year, month, number := time.Unix(day*secondsPerDay, 0).UTC().Date()
	for range searchedMonths {
		if e.months.has(int(month)) {
			first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
			if found, ok := e.daysOf(first).from(number); ok {
				return first.Unix()/secondsPerDay + int64(found-1), true
			}
		}
		number = 1
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
	return 0, false
}

// daysOf returns the matching days of the month that begins at first.
func (e Expression) daysOf(first time.Time) set {
	length := longest(int(first.Month()))
	if first.Month() == time.February && first.AddDate(0, 0, length-1).Month() != time.February {
		length--
	}
	// The weekdays turn so that bit 1 is the weekday of the first day. The product repeats them over 5 weeks.
	weekday := int(first.Weekday())
	week := (e.weekdays>>weekday | e.weekdays<<(7-weekday)) & span(0, 6)
	onWeekdays := week * (1 | 1<<7 | 1<<14 | 1<<21 | 1<<28) << 1
	if e.eitherDay {
		return (e.days | onWeekdays) & span(1, length)
	}
	return e.days & onWeekdays & span(1, length)
}

func floorDivide(number, by int64) int64 {
	quotient := number / by
	if number%by < 0 {
		quotient--
	}
	return quotient
}
