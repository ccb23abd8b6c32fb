package value

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTimestamp(t *testing.T) {
	utc := func(y, mo, d, h, mi, s, micro int) int64 {
		return time.Date(y, time.Month(mo), d, h, mi, s, micro*1000, time.UTC).UnixMicro()
	}
	for _, tt := range []struct {
		s     string
		want  int64
		fault string
	}{
		{"1970-01-01T00:00:00Z", 0, ""},
		{"2026-01-31T12:00:00Z", utc(2026, 1, 31, 12, 0, 0, 0), ""},
		{"2026-01-31t12:00:00z", utc(2026, 1, 31, 12, 0, 0, 0), ""},
		{"2026-01-31T12:00:00.5Z", utc(2026, 1, 31, 12, 0, 0, 500000), ""},
		{"2026-01-31T12:00:00.123456Z", utc(2026, 1, 31, 12, 0, 0, 123456), ""},
		{"2026-01-31T12:00:00.123456000Z", utc(2026, 1, 31, 12, 0, 0, 123456), ""},
		{"2026-01-31T12:00:00.00000000000000000000+01:00", utc(2026, 1, 31, 11, 0, 0, 0), ""},
		{"1969-12-31T23:59:59.9999990Z", -1, ""},
		{"2026-01-31T12:00:00.123456789123Z", 0, "must have at most 6 digits of a second, has 12: write .123456"},
		{"2026-01-31T12:00:00.9999999Z", 0, "has 7: write .999999"},
		{"1969-12-31T23:59:59.0000001-02:00", 0, "has 7: write .000000"},
		{"2026-01-31T12:00:00." + strings.Repeat("0", 300) + "1Z", 0, "has 301: write .000000"},
		{"2026-01-31T12:00:00+02:30", utc(2026, 1, 31, 9, 30, 0, 0), ""},
		{"2026-01-31T12:00:00-00:00", utc(2026, 1, 31, 12, 0, 0, 0), ""},
		{"2026-01-31T12:00:00+23:59", utc(2026, 1, 30, 12, 1, 0, 0), ""},
		{"0001-01-01T00:00:00Z", MinTimestamp, ""},
		{"9999-12-31T23:59:59.999999Z", MaxTimestamp, ""},
		{"0000-12-31T23:59:59-00:01", utc(1, 1, 1, 0, 0, 59, 0), ""},
		{"0001-01-01T00:00:00+00:01", 0, "years 1 to 9999"},
		{"0000-01-01T00:00:00Z", 0, "years 1 to 9999"},
		{"9999-12-31T23:59:59-00:01", 0, "years 1 to 9999"},
		{"2016-12-31T23:59:60Z", 0, "must not be a leap second"},
		{"2026-01-31T12:00:60+02:00", 0, "must not be a leap second"},
		{"2026-01-31T12:00:61Z", 0, "such as"}, {"2026-01-31T24:00:00Z", 0, "such as"}, {"2026-01-31T12:60:00Z", 0, "such as"},
		{"2026-02-30T12:00:00Z", 0, "such as"}, {"2026-01-31T12:00:00", 0, "such as"}, {"2026-01-31T12:00:00 ", 0, "Z or an offset"},
		{"2026-01-31 12:00:00Z", 0, "such as"}, {"2026-01-31T12:00:00.Z", 0, "such as"}, {"2026-01-31T12:00:00,5Z", 0, "Z or an offset"},
		{"2026-01-31T12:00Z", 0, "such as"}, {"2026-01-31T1:00:00Z", 0, "such as"}, {"20260131T120000Z", 0, "such as"},
		{"2026-01-31T12:00:00+0200", 0, "Z or an offset"}, {"2026-01-31T12:00:00+24:00", 0, "Z or an offset"}, {"2026-01-31T12:00:00+02:60", 0, "Z or an offset"},
		{"2026-01-31T12:00:00+2:00", 0, "Z or an offset"}, {"2026-01-31T12:00:00Zx", 0, "Z or an offset"}, {"2026-01-31T12:00:00UTC", 0, "Z or an offset"},
		{"+2026-01-31T12:00:00Z", 0, "such as"}, {"", 0, "such as"}, {strings.Repeat("é", 20), 0, "such as"}, {"2026-01-31T12:00:00−02:00", 0, "Z or an offset"},
	} {
		got, err := ParseTimestamp(tt.s)
		if (err != nil) != (tt.fault != "") || (err != nil && !strings.Contains(err.Error(), tt.fault)) || got != tt.want {
			t.Errorf("ParseTimestamp(%q) = %d, %v; want %d, %q", tt.s, got, err, tt.want, tt.fault)
		}
	}
}

// TestTimestampsAgainstTime compares both directions with package time.
func TestTimestampsAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(MinTimestamp, MaxTimestamp).Draw(t, "micros")
		text := string(appendTimestamp(nil, micros))
		if want := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z"); text != want {
			t.Fatalf("appendTimestamp(%d) = %s, want %s", micros, text, want)
		}
		if got, err := ParseTimestamp(text); err != nil || got != micros {
			t.Fatalf("ParseTimestamp(%s) = %d, %v; want %d", text, got, err, micros)
		}
		offset := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "offset") * 60
		elsewhere := time.UnixMicro(micros).In(time.FixedZone("", offset))
		if year := elsewhere.Year(); year < 0 || year > 9999 {
			return
		}
		text = elsewhere.Format(time.RFC3339Nano)
		if got, err := ParseTimestamp(text); err != nil || got != micros {
			t.Fatalf("ParseTimestamp(%s) = %d, %v; want %d", text, got, err, micros)
		}
	})
}

// TestEveryDay walks the calendar from end to end.
func TestEveryDay(t *testing.T) {
	const first, last = MinTimestamp / 86400_000_000, MaxTimestamp / 86400_000_000
	day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for days := int64(first); days <= last; days++ {
		year, month, d := civilFromDays(int(days))
		if year != day.Year() || month != int(day.Month()) || d != day.Day() {
			t.Fatalf("civilFromDays(%d) = %d-%d-%d, want %v", days, year, month, d, day)
		}
		if got := daysFromCivil(year, month, d); got != days {
			t.Fatalf("daysFromCivil(%d-%d-%d) = %d, want %d", year, month, d, got, days)
		}
		day = day.AddDate(0, 0, 1)
	}
	if day.Year() != 10000 {
		t.Fatalf("the walk ended at %v", day)
	}
}

func TestParseDateAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{4}-[0-1][0-9]-[0-3][0-9]`).Draw(t, "date")
		got, err := ParseDate(text)
		day, want := time.Parse(time.DateOnly, text)
		valid := want == nil && day.Year() >= 1
		if (err == nil) != valid || (valid && got != text) {
			t.Fatalf("ParseDate(%s) = %q, %v; time has %v", text, got, err, want)
		}
	})
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		s     string
		want  int64
		fault string
	}{
		{"0", 0, ""}, {"-0", 0, ""}, {"0s", 0, ""}, {"1s", 1e6, ""}, {"-1.5h", -5400e6, ""}, {"+2m", 120e6, ""}, {"1h2m3s4ms5us", 3723004005, ""}, {"1µs", 1, ""}, {"1μs", 1, ""},
		{"1000ns", 1, ""}, {"0.000001s", 1, ""}, {"500ns500ns", 1, ""}, {".5s", 500000, ""}, {"1.s", 1e6, ""}, {"0.10000000000000000000000s", 1e5, ""}, {"1s1s", 2e6, ""},
		{"2562047h47m16.854775s", MaxDuration, ""}, {"-2562047h47m16.854775s", -MaxDuration, ""},
		{"2562047h47m16.854776s", 0, "at most"}, {"9999999999999999999999h", 0, "at most"}, {"2562048h", 0, "at most"}, {"2562047h60m", 0, "at most"},
		{"1ns", 0, "whole microseconds"}, {"0.0000001s", 0, "whole microseconds"}, {"1.5us", 0, "whole microseconds"}, {"0.3333333333333333333h", 0, "whole microseconds"},
		{"", 0, "such as"}, {"-", 0, "such as"}, {"1", 0, "such as"}, {"s", 0, "such as"}, {".s", 0, "such as"}, {"1x", 0, "such as"}, {"1 s", 0, "such as"}, {"1s ", 0, "such as"}, {"1d", 0, "such as"}, {"1s-1s", 0, "such as"}, {"--1s", 0, "such as"}, {"1S", 0, "such as"}, {"1e3s", 0, "such as"},
	} {
		got, err := ParseDuration(tt.s)
		if (err != nil) != (tt.fault != "") || (err != nil && !strings.Contains(err.Error(), tt.fault)) || got != tt.want {
			t.Errorf("ParseDuration(%q) = %d, %v; want %d, %q", tt.s, got, err, tt.want, tt.fault)
		}
	}
}

// TestDurationsAgainstTime: time.ParseDuration reads every accepted duration the same, and a written duration reads
// back.
func TestDurationsAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		str := rapid.StringMatching(`[+-]?([0-9]{0,5}(\.[0-9]{0,8})?(ns|us|µs|ms|s|m|h)){1,3}`).Draw(t, "duration")
		got, err := ParseDuration(str)
		want, oracle := time.ParseDuration(str)
		if err == nil && (oracle != nil || want.Nanoseconds() != got*1000) {
			t.Fatalf("ParseDuration(%s) = %d, time has %v, %v", str, got, want, oracle)
		}
		if err != nil && oracle == nil && strings.Contains(err.Error(), "such as") {
			t.Fatalf("ParseDuration(%s) = %v, time has %v", str, err, want)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-MaxDuration, MaxDuration).Draw(t, "micros")
		text := string(appendDuration(nil, micros))
		if got, err := ParseDuration(text); err != nil || got != micros {
			t.Fatalf("ParseDuration(%s) = %d, %v; want %d", text, got, err, micros)
		}
	})
}
