package cron

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func mustParse(t testing.TB, text string) Expression {
	t.Helper()
	expression, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return expression
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// oddZones change their clocks in ways that Europe/Berlin does not.
func oddZones() []string {
	return []string{
		"Europe/Berlin", "America/New_York",
		"Australia/Lord_Howe",         // half an hour
		"Antarctica/Troll",            // two hours
		"Africa/Cairo", "Asia/Beirut", // at midnight
		"America/Asuncion",                     // at midnight; summer time for good since 2024
		"America/Havana",                       // back at 01:00 to midnight
		"America/Santiago",                     // forward at midnight, back at midnight to 23:00
		"Pacific/Easter",                       // the evening before
		"America/Nuuk", "America/Scoresbysund", // forward from 23:00 to midnight
		"Atlantic/Azores",               // back at 01:00 to midnight
		"Europe/Dublin",                 // negative summer time
		"Africa/Casablanca",             // negative, around Ramadan
		"Pacific/Chatham",               // 45 minutes off
		"Asia/Almaty", "Asia/Qyzylorda", // moved for good in 2024
		"Antarctica/Vostok", "Antarctica/Casey",
		"Asia/Gaza", "Asia/Kathmandu", "UTC",
	}
}

// changes returns the moments in some years at which a zone changes its clock.
func changes(zone *time.Location, firstYear, lastYear int) []time.Time {
	var moments []time.Time
	for at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= lastYear; {
		_, end := at.In(zone).ZoneBounds()
		if end.IsZero() {
			break
		}
		end = end.UTC()
		if !end.After(at) { // a fault of Go: see periodAt
			at = at.Add(time.Hour)
			continue
		}
		_, before := end.Add(-1).In(zone).Zone()
		_, after := end.In(zone).Zone()
		if before != after && end.Year() <= lastYear {
			moments = append(moments, end)
		}
		at = end
	}
	return moments
}

func usualExpressions() []string {
	return strings.Split(`* * * * *
*/15 * * * *
0 * * * *
7,37 * * * *
*/7 2 * * *
30 */2 * * *
* 0-3 * * *
0 0-23 * * *
0,30 0-23 * * *
0-59 0-23 * * *
10-50/20 1-3 * * *
5,35 1,2,3 * * *
0 0 * * *
15 0 * * *
30 0 * * *
59 0 * * *
0 1 * * *
30 1 * * *
59 1 * * *
0 2 * * *
30 2 * * *
0 3 * * *
30 23 * * *
59 23 * * *
0 12 * * *
0 0 1 * *
0 0 * * 0
30 2 * * SUN
30 2 * * 7
0 0 * * 5-6
30 0 * * FRI
30 2 * MAR,OCT *
0 0 */2 * 1
30 2 1-31/2 * *
30 2 * * */2
15 2 25-31 3,10 *
0 0 31 * 5
30 1 1,15 * SUN-MON
0 1 30 MAR SUN
45 23 28-31 * SAT`, "\n")
}

// expressionsAt returns fixed expressions in and near a change of the clock, with and without its day.
func expressionsAt(change time.Time, zone *time.Location) []string {
	_, before := change.Add(-1).In(zone).Zone()
	_, after := change.In(zone).Zone()
	low := change.UTC().Add(time.Duration(min(before, after)) * time.Second)
	high := change.UTC().Add(time.Duration(max(before, after)) * time.Second)
	var expressions []string
	for _, local := range []time.Time{
		low.Add(-time.Minute), low, low.Add(time.Minute), low.Add(high.Sub(low) / 2), high.Add(-time.Minute), high, high.Add(time.Minute),
	} {
		clock := fmt.Sprintf("%d %d", local.Minute(), local.Hour())
		expressions = append(expressions, clock+" * * *", fmt.Sprintf("%s %d %d *", clock, local.Day(), local.Month()),
			fmt.Sprintf("%s * * %d", clock, local.Weekday()), fmt.Sprintf("*/%d %d * * *", 10+local.Minute()%7, local.Hour()))
	}
	return expressions
}

// around is how far a comparison with the oracle looks before and after a change. It is more than a day, so that each daily
// job is due on both sides.
const around = 36 * time.Hour

// compareAt compares the package with the oracle around one moment: the runs of the whole time, and the next run after
// random moments within four hours. It returns the number of runs.
func compareAt(t *testing.T, random *rand.Rand, name string, zone *time.Location, moment time.Time, expressions []string) int {
	t.Helper()
	from, to := moment.Add(-around), moment.Add(around)
	count := 0
	for i, want := range newOracle(zone, expressions).runs(from, to) {
		schedule := mustParse(t, expressions[i]).In(zone)
		got := slices.Collect(schedule.Between(from, to))
		for range 3 {
			after := moment.Add(time.Duration(random.Int64N(int64(8*time.Hour))) - 4*time.Hour)
			expected := slices.IndexFunc(want, after.Before)
			if next, ok := schedule.Next(after); expected >= 0 && (!ok || !next.Equal(want[expected])) {
				t.Errorf("%s, %s: after %s comes %s, want %s", name, expressions[i], after.In(zone), next, want[expected])
			}
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("%s, %s, around %s: runs are\n%s, want\n%s", name, expressions[i], moment.In(zone), clocks(got, zone), clocks(want, zone))
		}
		count += len(want)
	}
	return count
}

func clocks(runs []time.Time, zone *time.Location) string {
	var lines []string
	for _, run := range runs {
		lines = append(lines, run.In(zone).Format("2006-01-02 15:04:05 -0700"))
	}
	return strings.Join(lines, "\n")
}

// TestEachRunOnceAtEachChange compares the runs around changes of the clock with the oracle: nightly around all changes of
// all zones from 2024 to 2030.
func TestEachRunOnceAtEachChange(t *testing.T) {
	effort.SkipRaced(t)
	seeds := effort.Seeds(t)
	for i, source := range databases(t) {
		t.Run(source.name, func(t *testing.T) {
			random := seeds(i)
			names, firstYear, lastYear := strings.Fields(zoneNames), 2024, 2030
			if !effort.Nightly() {
				names = append(oddZones(), sample(random, names, effort.Cases(10, 0))...)
				firstYear += random.IntN(6)
				lastYear = firstYear + 1
			}
			compareChanges(t, random, source, names, firstYear, lastYear)
		})
	}
}

// TestEachRunOnceInOtherYears looks at more kinds of changes, since 1973. Before that, offsets were not always whole minutes.
func TestEachRunOnceInOtherYears(t *testing.T) {
	effort.SkipRaced(t)
	random := effort.Seeds(t)(0)
	for _, source := range databases(t) {
		firstYear := 1973 + random.IntN(80)
		lastYear := firstYear
		if effort.Nightly() {
			firstYear, lastYear = 1973, 2052
		}
		compareChanges(t, random, source, sample(random, strings.Fields(zoneNames), effort.Cases(10, 40)), firstYear, lastYear)
	}
}

func sample(random *rand.Rand, names []string, count int) []string {
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:count]
}

func compareChanges(t *testing.T, random *rand.Rand, source database, names []string, firstYear, lastYear int) {
	t.Helper()
	moments, runs := 0, 0
	for _, name := range names {
		zone := source.load(t, name)
		found := changes(zone, firstYear, lastYear)
		if len(found) == 0 {
			runs += compareAt(t, random, name, zone, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), usualExpressions())
		}
		for _, change := range found {
			moments++
			runs += compareAt(t, random, name, zone, change, append(usualExpressions(), expressionsAt(change, zone)...))
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%s: %d zones, %d changes from %d to %d, %d runs", source.name, len(names), moments, firstYear, lastYear, runs)
}

// TestWholeYears compares whole years with the oracle, with random expressions.
func TestWholeYears(t *testing.T) {
	effort.SkipRaced(t)
	names, seeds, sources := strings.Fields(zoneNames), effort.Seeds(t), databases(t)
	for i := range effort.Cases(2, 400) {
		random := seeds(i)
		name, source := names[random.IntN(len(names))], sources[i%len(sources)]
		zone, from := source.load(t, name), time.Date(2024+random.IntN(25), 1, 1, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(1, 0, 0)
		expressions := make([]string, 20)
		for i := range expressions {
			expressions[i] = randomExpression(random)
		}
		for i, want := range newOracle(zone, expressions).runs(from, to) {
			got := slices.Collect(mustParse(t, expressions[i]).In(zone).Between(from, to))
			if !slices.EqualFunc(got, want, time.Time.Equal) {
				t.Fatalf("%s of %s, %s, %d: %d runs, want %d", name, source.name, expressions[i], from.Year(), len(got), len(want))
			}
		}
	}
}

// TestDailyJobRunsOnceADay counts without the oracle: a time of the day has as many runs as there are days.
func TestDailyJobRunsOnceADay(t *testing.T) {
	effort.SkipRaced(t)
	random, source := effort.Seeds(t)(0), databases(t)[1]
	for _, name := range strings.Fields(zoneNames) {
		zone := source.load(t, name)
		clock := fmt.Sprintf("%d %d", random.IntN(60), random.IntN(5)) // most changes are in these hours
		schedule := mustParse(t, clock+" * * *").In(zone)
		const days = 7*365 + 2
		from, count := time.Date(2024, 1, 1, 0, 0, 0, 0, zone), 0
		for range schedule.Between(from, from.AddDate(0, 0, days)) {
			count++
		}
		if count != days {
			t.Errorf("%s in %s has %d runs in %d days", clock, name, count, days)
		}
	}
}

// TestZonesKeepTheirOffsetForDays shows that no second change comes before a clock has caught up with the first, and that
// none has more than four a year. Next relies on both.
func TestZonesKeepTheirOffsetForDays(t *testing.T) {
	for _, source := range databases(t) {
		for _, name := range strings.Fields(zoneNames) {
			zone := source.load(t, name)
			moments := changes(zone, 1800, 2060)
			for i := 1; i < len(moments); i++ {
				if length := moments[i].Sub(moments[i-1]); length < 48*time.Hour {
					t.Errorf("%s keeps its offset of %s for %s", name, moments[i-1], length)
				}
			}
			for i := 4; i < len(moments); i++ {
				if moments[i].Sub(moments[i-4]) < 300*24*time.Hour {
					t.Errorf("%s changes its clock 5 times within 300 days, until %s", name, moments[i])
				}
			}
		}
	}
}

// randomExpression returns a valid expression, in which each kind of field has its share.
func randomExpression(random *rand.Rand) string {
	for {
		fields := []string{randomField(random, minuteField, 0.3), randomField(random, hourField, 0.4), randomField(random, dayField, 0.6),
			randomField(random, monthField, 0.7), randomField(random, weekdayField, 0.6)}
		if text := strings.Join(fields, " "); isValid(text) {
			return text
		}
	}
}

func isValid(text string) bool {
	_, err := Parse(text)
	return err == nil
}

func randomField(random *rand.Rand, spec fieldSpec, star float64) string {
	number := func(low, high int) int { return low + random.IntN(high-low+1) }
	if random.Float64() < star {
		if random.IntN(3) == 0 {
			return fmt.Sprintf("*/%d", number(1, spec.last()-spec.low))
		}
		return "*"
	}
	var parts []string
	for range number(1, 3) {
		low := number(spec.low, spec.high)
		high := number(low, spec.high)
		switch {
		case random.IntN(2) == 0:
			parts = append(parts, fmt.Sprint(low))
		case high-low > 1 && random.IntN(2) == 0:
			parts = append(parts, fmt.Sprintf("%d-%d/%d", low, high, number(1, high-low)))
		case spec.names != "" && high < 7 && random.IntN(2) == 0:
			names := strings.Fields(spec.names)
			parts = append(parts, names[low-spec.low]+"-"+strings.ToLower(names[high-spec.low]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", low, high))
		}
	}
	return strings.Join(parts, ",")
}
