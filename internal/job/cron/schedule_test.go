package cron

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const layout = "2006-01-02 15:04:05 -0700"

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestChangesOfTheClock shows each rule of the package comment.
func TestChangesOfTheClock(t *testing.T) {
	load := embeddedZones(t) // an old machine may not know some of the changes
	for _, tt := range []struct{ name, zone, expression, from, to, want string }{
		{"a fixed time that is skipped", "Europe/Berlin", "30 2 * * *", "2027-03-27 12:00 +0100", "2027-03-29 12:00 +0200",
			"2027-03-28 03:00:00 +0200, 2027-03-29 02:30:00 +0200"},
		{"several that are skipped are one run", "Europe/Berlin", "0,20,40 2,3 * * *", "2027-03-28 00:00 +0100", "2027-03-28 03:30 +0200",
			"2027-03-28 03:00:00 +0200, 2027-03-28 03:20:00 +0200"},
		{"a fixed time that comes twice", "Europe/Berlin", "30 2 * * *", "2027-10-31 00:00 +0200", "2027-11-01 12:00 +0100",
			"2027-10-31 02:30:00 +0200, 2027-11-01 02:30:00 +0100"},
		{"a fixed time at the end of what comes twice", "Europe/Berlin", "0 2,3 * * *", "2027-10-31 00:00 +0200", "2027-10-31 12:00 +0100",
			"2027-10-31 02:00:00 +0200, 2027-10-31 03:00:00 +0100"},
		{"an hour without * is fixed", "Europe/Berlin", "30 0-23 * * *", "2027-10-31 01:00 +0200", "2027-10-31 04:00 +0100",
			"2027-10-31 01:30:00 +0200, 2027-10-31 02:30:00 +0200, 2027-10-31 03:30:00 +0100"},
		{"* in the hour runs in both", "Europe/Berlin", "30 * * * *", "2027-10-31 02:00 +0200", "2027-10-31 04:00 +0100",
			"2027-10-31 02:30:00 +0200, 2027-10-31 02:30:00 +0100, 2027-10-31 03:30:00 +0100"},
		{"* in the hour does not make up", "Europe/Berlin", "0 */2 * * *", "2027-03-28 00:00 +0100", "2027-03-28 06:00 +0200",
			"2027-03-28 00:00:00 +0100, 2027-03-28 04:00:00 +0200"},
		{"* in the minute does not make up", "Europe/Berlin", "*/30 2 * * *", "2027-03-28 00:00 +0100", "2027-03-29 02:15 +0200",
			"2027-03-29 02:00:00 +0200"},
		{"half an hour is skipped", "Australia/Lord_Howe", "15 2 * * *", "2026-10-04 00:00 +1030", "2026-10-04 12:00 +1100", "2026-10-04 02:30:00 +1100"},
		{"half an hour comes twice", "Australia/Lord_Howe", "45 1 * * *", "2026-04-05 00:00 +1100", "2026-04-05 12:00 +1030", "2026-04-05 01:45:00 +1100"},
		{"two hours are skipped", "Antarctica/Troll", "30 1,2 * * *", "2026-03-29 00:00 +0000", "2026-03-29 12:00 +0200", "2026-03-29 03:00:00 +0200"},
		{"midnight does not exist", "Africa/Cairo", "0 0 * * *", "2026-04-23 12:00 +0200", "2026-04-24 12:00 +0300", "2026-04-24 01:00:00 +0300"},
		{"midnight does not exist, on its weekday", "Asia/Beirut", "30 0 * * SUN", "2026-03-28 12:00 +0200", "2026-03-30 12:00 +0300",
			"2026-03-29 01:00:00 +0300"},
		{"the last hour of a day does not exist", "America/Nuuk", "30 23 * * SAT", "2026-03-28 12:00 -0200", "2026-03-29 12:00 -0100",
			"2026-03-29 00:00:00 -0100"},
		{"midnight comes twice", "America/Havana", "0 0 * * *", "2026-10-31 12:00 -0400", "2026-11-01 12:00 -0500", "2026-11-01 00:00:00 -0400"},
		{"the last hour of a day comes twice", "America/Asuncion", "30 23 * * *", "2024-03-23 12:00 -0300", "2024-03-24 12:00 -0400",
			"2024-03-23 23:30:00 -0300"},
		{"negative summer time", "Europe/Dublin", "30 1 * * *", "2026-10-25 00:00 +0100", "2026-10-25 12:00 +0000", "2026-10-25 01:30:00 +0100"},
		{"a new zone for good", "Asia/Almaty", "30 23 * * *", "2024-02-29 12:00 +0600", "2024-03-01 12:00 +0500", "2024-02-29 23:30:00 +0600"},
		{"a day that did not exist is a correction", "Pacific/Apia", "0 12 * * *", "2011-12-29 00:00 -1000", "2012-01-01 00:00 +1400",
			"2011-12-29 12:00:00 -1000, 2011-12-31 12:00:00 +1400"},
		{"a clock that goes back by more than 3 hours is a correction", "Antarctica/Vostok", "30 20 * * *", "1994-01-31 00:00 +0700",
			"1994-02-01 00:00 +0000", "1994-01-31 20:30:00 +0700, 1994-01-31 20:30:00 +0000"},
		{"three hours are no correction", "Antarctica/Casey", "0 1 * * *", "2010-03-04 12:00 +1100", "2010-03-05 12:00 +0800", "2010-03-05 01:00:00 +1100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			zone := load(t, tt.zone)
			var got []string
			for run := range mustParse(t, tt.expression).In(zone).Between(moment(t, tt.from), moment(t, tt.to)) {
				got = append(got, run.Format(layout))
			}
			if diff := cmp.Diff(strings.Split(tt.want, ", "), got); diff != "" {
				t.Errorf("runs differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDays(t *testing.T) {
	for _, tt := range []struct{ name, expression, want string }{
		{"either day field", "0 0 13 * FRI", "2026-11-06, 2026-11-13, 2026-11-20"},
		{"a day field with * needs both", "0 0 */2 * MON", "2026-11-09, 2026-11-23, 2026-12-07"},
		{"the other day field with *", "0 0 1-8 * */6", "2026-11-01, 2026-11-07, 2026-11-08"},
		{"one day field that never matches", "0 0 30 2 MON", "2027-02-01, 2027-02-08, 2027-02-15"},
		{"31st", "0 0 31 * *", "2026-12-31, 2027-01-31, 2027-03-31"},
		{"leap day", "0 0 29 2 *", "2028-02-29, 2032-02-29, 2036-02-29"},
		{"quarters", "0 0 1 */3 *", "2027-01-01, 2027-04-01, 2027-07-01"},
	} {
		var got []string
		for _, run := range mustParse(t, tt.expression).In(time.UTC).Upcoming(moment(t, "2026-10-31 00:00 +0000"), 3) {
			got = append(got, run.Format(time.DateOnly))
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %s is due on %s, want %s", tt.name, tt.expression, got, tt.want)
		}
	}
}

// TestNextIsStrictlyIncreasing also shows that an argument between two runs gives the second, and that adjacent intervals
// have all runs once.
func TestNextIsStrictlyIncreasing(t *testing.T) {
	names, seeds, sources := strings.Fields(zoneNames), effort.Seeds(t), databases(t)
	for i := range effort.Cases(400, 100_000) {
		random := seeds(i)
		zone := sources[i%len(sources)].load(t, names[random.IntN(len(names))])
		schedule := mustParse(t, randomExpression(random)).In(zone)
		from := time.Unix(random.Int64N(4_000_000_000)-1_000_000_000, random.Int64N(1_000_000_000)) // 1938 to 2065
		runs := schedule.Upcoming(from, 30)
		if len(runs) != 30 {
			t.Fatalf("%v in %s has %d runs after %s", schedule.expression, zone, len(runs), from)
		}
		if !runs[0].After(from) {
			t.Fatalf("%v in %s after %s is due at %s", schedule.expression, zone, from, runs[0])
		}
		for j := 1; j < len(runs); j++ {
			gap := runs[j].Sub(runs[j-1])
			between := runs[j-1].Add(time.Duration(random.Int64N(int64(gap))))
			if next, _ := schedule.Next(between); gap <= 0 || !next.Equal(runs[j]) {
				t.Fatalf("%v in %s: after %s comes %s, but after %s comes %s", schedule.expression, zone, runs[j-1], runs[j], between, next)
			}
		}
		end := runs[29].Add(time.Second)
		cut := from.Add(time.Duration(random.Int64N(int64(end.Sub(from)))))
		if random.IntN(2) == 0 {
			cut = runs[random.IntN(30)] // a cut at a run
		}
		both := slices.AppendSeq(slices.Collect(schedule.Between(from, cut)), schedule.Between(cut, end))
		if !slices.Equal(both, runs) {
			t.Fatalf("%v in %s: cut at %s, the runs from %s to %s are %s, want %s", schedule.expression, zone, cut, from, end, both, runs)
		}
	}
}

func TestBetweenIncludesItsStartOnly(t *testing.T) {
	schedule := mustParse(t, "* * * * *").In(time.UTC)
	at := moment(t, "2026-11-28 12:00 +0000")
	for _, tt := range []struct {
		from, to time.Time
		want     int
	}{
		{at, at, 0}, {at, at.Add(1), 1}, {at, at.Add(time.Minute), 1}, {at.Add(-1), at, 0}, {at.Add(1), at.Add(time.Minute), 0}, {at.Add(time.Hour), at, 0},
	} {
		if got := slices.Collect(schedule.Between(tt.from, tt.to)); len(got) != tt.want {
			t.Errorf("from %s to %s: %s, want %d runs", tt.from, tt.to, got, tt.want)
		}
	}
}

// TestRarestDays has expressions whose next run is furthest away, at the century in which a leap day is left out.
func TestRarestDays(t *testing.T) {
	for year := 2000; year < 2400; year++ {
		for _, expression := range []string{"0 0 29 2 *", "0 0 29 2 */6", "0 0 29 2 */5", "0 0 */28 2 3"} {
			after := time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
			run, ok := mustParse(t, expression).In(time.UTC).Next(after)
			if !ok || run.Sub(after) > 41*366*24*time.Hour {
				t.Errorf("%s after %s = %s, %t", expression, after, run, ok)
			}
		}
		// Parse needs two weekdays for a * with a step. One weekday is rarer.
		rare := mustParse(t, "0 0 29 2 */6")
		rare.weekdays = span(year%7, year%7)
		if _, ok := rare.In(mustZone(t, "Europe/Berlin")).Next(time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)); !ok {
			t.Errorf("weekday %d after %d: no run", year%7, year)
		}
	}
}

func TestNextEnds(t *testing.T) {
	schedule := mustParse(t, "30 2 * * *").In(mustZone(t, "Europe/Berlin"))
	for _, after := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0),
		time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if run, ok := schedule.Next(after); ok || !run.IsZero() {
			t.Errorf("Next(%s) = %s, %t, want none", after, run, ok)
		}
	}
	if run, ok := schedule.Next(time.Time{}); !ok || run.Year() != 1 {
		t.Errorf("Next of the zero time = %s, %t", run, ok)
	}
	if run, ok := (Schedule{zone: time.UTC}).Next(time.Unix(0, 0)); ok {
		t.Errorf("Next of an empty schedule = %s", run)
	}
}
