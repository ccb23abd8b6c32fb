package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// mostTimes is the largest number of times of a day that a description lists.
const mostTimes = 4

// Describe returns the expression in English, such as "At 02:30 on Monday to Friday". Expressions with the same description
// have the same times, but for changes of the clock.
func (e Expression) Describe() string {
	clock, isList := e.describeClock()
	days := e.describeDays()
	if isList && (days == "" || strings.HasPrefix(days, " in ")) {
		return clock + " every day" + days
	}
	return clock + days
}

// describeClock describes the minutes and hours. isList is true if it lists times of a day.
func (e Expression) describeClock() (text string, isList bool) {
	everyHour := e.hours == span(0, 23)
	interval, even := evenly(e.minutes, 60)
	firstMinute, lastMinute := ends(e.minutes)
	firstHour, lastHour := ends(e.hours)
	hourStep, regular := step(e.hours)
	fromTo := fmt.Sprintf(" from %02d:%02d to %02d:%02d", firstHour, firstMinute, lastHour, lastMinute)
	switch {
	case everyHour && even:
		return "Every " + counted(interval, "minute"), false
	case everyHour && e.minutes == 1:
		return "Every hour", false
	case everyHour:
		return "At " + selected("minute", e.minutes) + " of every hour", false
	case e.minutes == 1 && regular && hourStep > 1 && firstHour == 0 && lastHour+hourStep == 24 && e.hours.len() > 2:
		return "Every " + counted(hourStep, "hour"), false
	case e.minutes.len()*e.hours.len() <= mostTimes:
		return "At " + list(e.times(), "and"), true
	case e.minutes.len() == 1 && regular:
		return "Every " + counted(hourStep, "hour") + fromTo, false
	case even && regular && hourStep <= 1:
		return "Every " + counted(interval, "minute") + fromTo, false
	case even:
		return "Every " + counted(interval, "minute") + " of " + selected("hour", e.hours), false
	}
	return "At " + selected("minute", e.minutes) + " of " + selected("hour", e.hours), false
}

// times returns the times of a day, such as 02:30.
func (e Expression) times() []string {
	var times []string
	for _, hour := range e.hours.numbers() {
		for _, minute := range e.minutes.numbers() {
			times = append(times, fmt.Sprintf("%02d:%02d", hour, minute))
		}
	}
	return times
}

func (e Expression) describeDays() string {
	everyMonth := e.months == span(1, 12)
	months := list(named(e.months, monthName), "and")
	anyDay, anyWeekday := e.days == span(1, 31), e.weekdays == span(0, 6)
	weekdays := func(conjunction string) string { return list(named(mondayFirst(e.weekdays), weekdayName), conjunction) }
	var days string
	switch {
	case e.everyDay():
		anyDay = true
	case anyDay:
		days = " on " + weekdays("and")
	case anyWeekday && !everyMonth:
		return " on " + selected("day", e.days) + " of " + months
	case anyWeekday:
		days = " on " + selected("day", e.days) + " of the month"
	case e.eitherDay:
		days = " on " + selected("day", e.days) + " of the month, and also on " + weekdays("and")
	default:
		days = " on " + selected("day", e.days) + " of the month, if that day is " + weekdays("or")
	}
	switch {
	case everyMonth:
		return days
	case anyDay || anyWeekday:
		return days + " in " + months
	}
	return days + ", in " + months
}

func ends(numbers set) (first, last int) {
	all := numbers.numbers()
	return all[0], all[len(all)-1]
}

// step returns the distance between neighbours, if all have the same. For a single number that is 0.
func step(numbers set) (distance int, regular bool) {
	all := numbers.numbers()
	for i := 1; i < len(all); i++ {
		if i > 1 && all[i]-all[i-1] != distance {
			return 0, false
		}
		distance = all[i] - all[i-1]
	}
	return distance, true
}

// evenly returns the step of numbers that divide a whole, such as 0, 15, 30 and 45 do with an hour.
func evenly(numbers set, whole int) (interval int, even bool) {
	interval, regular := step(numbers)
	first, last := ends(numbers)
	return interval, regular && interval > 0 && first == 0 && last+interval == whole
}

// selected describes the numbers of a field, such as "days 1, 7 to 9 and 15" and "every 2nd day from 1 to 31".
func selected(noun string, numbers set) string {
	distance, regular := step(numbers)
	if regular && distance > 1 && numbers.len() > mostTimes {
		first, last := ends(numbers)
		return fmt.Sprintf("every %s %s from %d to %d", ordinal(distance), noun, first, last)
	}
	if numbers.len() > 1 {
		noun += "s"
	}
	return noun + " " + list(named(numbers, strconv.Itoa), "and")
}

// named returns the names of numbers. Three or more in a row are a range, such as "Monday to Friday".
func named(numbers set, name func(int) string) []string {
	var parts []string
	all := numbers.numbers()
	for len(all) > 0 {
		row := 1
		for row < len(all) && all[row] == all[0]+row {
			row++
		}
		if row < 3 {
			row = 1
			parts = append(parts, name(all[0]))
		} else {
			parts = append(parts, name(all[0])+" to "+name(all[row-1]))
		}
		all = all[row:]
	}
	return parts
}

// list joins parts with commas and a conjunction before the last.
func list(parts []string, conjunction string) string {
	last := len(parts) - 1
	if last < 1 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:last], ", ") + " " + conjunction + " " + parts[last]
}

func counted(count int, noun string) string {
	if count == 1 {
		return noun
	}
	return strconv.Itoa(count) + " " + noun + "s"
}

func ordinal(number int) string {
	suffix := "th"
	if tens := number / 10 % 10; tens != 1 {
		switch number % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(number) + suffix
}

func monthName(number int) string {
	names := [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"}
	return names[number-1]
}

// mondayFirst returns weekdays with Sunday as 7, so that a week begins on Monday.
func mondayFirst(weekdays set) set {
	if weekdays.has(0) {
		return weekdays&^span(0, 0) | span(7, 7)
	}
	return weekdays
}

func weekdayName(number int) string {
	names := [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	return names[number]
}
