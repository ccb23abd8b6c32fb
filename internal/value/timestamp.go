package value

import (
	"fmt"
	"strings"
	"time"
)

// Timestamps and dates are read and written by arithmetic on the proleptic Gregorian calendar. Formatting with
// time.Time costs several times more, and its RFC 3339 reader accepts text outside the RFC (a comma, an hour of one
// digit).

// ParseTimestamp reads an RFC 3339 date-time with any offset. The instant must be in the years 1 to 9999 of UTC, in
// whole microseconds: zeros after the sixth digit pass, other digits are an error. Leap seconds are errors, since
// neither database has them.
func ParseTimestamp(text string) (micros int64, err error) {
	const want = "must be a timestamp such as 2026-01-31T12:00:00Z"
	if len(text) < len("2026-01-31T12:00:00Z") || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' {
		return 0, &parseError{"format", want}
	}
	year, month, day, ok := cutDate(text[:10])
	hour, ok1 := twoDigits(text[11:])
	minute, ok2 := twoDigits(text[14:])
	second, ok3 := twoDigits(text[17:])
	if !ok || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return 0, &parseError{"format", want}
	}
	if second == 60 {
		return 0, &parseError{"format", "must not be a leap second: write the second after it"}
	}
	fraction, rest, err := cutMicros(text[19:])
	if err != nil {
		return 0, err
	}
	if strings.HasPrefix(rest, ".") {
		return 0, &parseError{"format", want}
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return 0, &parseError{"format", want + " with Z or an offset such as +02:00 at its end"}
	}
	seconds := daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+second) - offset
	micros = seconds*1_000_000 + fraction
	if micros < MinTimestamp || micros > MaxTimestamp {
		return 0, &parseError{"range", "must lie in the years 1 to 9999"}
	}
	return micros, nil
}

// ParseDate checks a day of the years 1 to 9999 and returns the text unchanged.
func ParseDate(text string) (string, error) {
	if len(text) != 10 {
		return "", &parseError{"format", "must be a date such as 2026-01-31"}
	}
	year, _, _, ok := cutDate(text)
	if !ok {
		return "", &parseError{"format", "must be a date such as 2026-01-31"}
	}
	if year == 0 {
		return "", &parseError{"range", "must lie in the years 1 to 9999"}
	}
	return text, nil
}

// cutDate reads ten characters: a valid date in the years 0 to 9999.
func cutDate(text string) (year, month, day int, ok bool) {
	century, ok1 := twoDigits(text)
	years, ok2 := twoDigits(text[2:])
	month, ok3 := twoDigits(text[5:])
	day, ok4 := twoDigits(text[8:])
	year = century*100 + years
	ok = ok1 && ok2 && ok3 && ok4 && text[4] == '-' && text[7] == '-' &&
		1 <= month && month <= 12 && 1 <= day && day <= daysIn(year, month)
	return year, month, day, ok
}

func twoDigits(text string) (int, bool) {
	a, b := text[0]-'0', text[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// cutMicros reads the digits of a second after the point. Without a digit, it leaves the point in rest.
func cutMicros(text string) (micros int64, rest string, err error) {
	if text == "" || text[0] != '.' {
		return 0, text, nil
	}
	digits, rest := cutDigits(text[1:])
	if digits == "" {
		return 0, text, nil
	}
	for i := range 6 {
		micros *= 10
		if i < len(digits) {
			micros += int64(digits[i] - '0')
		}
	}
	if len(digits) > 6 && strings.Trim(digits[6:], "0") != "" {
		return 0, "", &parseError{"precision", fmt.Sprintf("must have at most 6 digits of a second, has %d: write .%s", len(digits), digits[:6])}
	}
	return micros, rest, nil
}

// parseOffset returns the seconds east of UTC.
func parseOffset(text string) (int64, bool) {
	if text == "Z" || text == "z" {
		return 0, true
	}
	if len(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' {
		return 0, false
	}
	hours, ok1 := twoDigits(text[1:])
	minutes, ok2 := twoDigits(text[4:])
	offset := int64(hours*3600 + minutes*60)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, ok1 && ok2 && hours <= 23 && minutes <= 59
}

// daysFromCivil returns the days since 1970-01-01. This function and its inverse are Howard Hinnant's
// (https://howardhinnant.github.io/date_algorithms.html), with eras of 400 years from March on.
func daysFromCivil(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	year += 400 // the years here begin at -1
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era-1)*146097 + int64(dayOfEra) - 719468
}

// civilFromDays is the way back, for days in the years 1 to 9999.
func civilFromDays(days int) (year, month, day int) {
	z := days + 719468 // days since 0000-03-01
	era := z / 146097
	dayOfEra := z - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*m+2)/5 + 1
	month = m + 3
	if month > 12 {
		month -= 12
	}
	year = yearOfEra + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// appendTimestamp appends 2026-01-31T12:00:00.000000Z.
func appendTimestamp(dst []byte, micros int64) []byte {
	if micros < MinTimestamp || micros > MaxTimestamp { // never stored
		return time.UnixMicro(micros).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	}
	fromYearOne := uint64(micros - MinTimestamp)
	seconds, fraction := fromYearOne/1_000_000, fromYearOne%1_000_000
	days, second := seconds/86400, seconds%86400
	year, month, day := civilFromDays(int(days) + MinTimestamp/86400_000_000)
	dst = appendTwoDigits(dst, year/100)
	dst = appendTwoDigits(dst, year%100)
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, month)
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, day)
	dst = append(dst, 'T')
	dst = appendTwoDigits(dst, int(second/3600))
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, int(second/60%60))
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, int(second%60))
	dst = append(dst, '.')
	dst = appendTwoDigits(dst, int(fraction/10000))
	dst = appendTwoDigits(dst, int(fraction/100%100))
	dst = appendTwoDigits(dst, int(fraction%100))
	return append(dst, 'Z')
}

func appendTwoDigits(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}
