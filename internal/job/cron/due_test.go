package cron

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func TestDue(t *testing.T) {
	for _, tt := range []struct {
		name, expression, last, now string
		once, every, skip           string // clock times of the runs in UTC
	}{
		{"nothing is due", "0 * * * *", "12:00", "12:59", "", "", ""},
		{"at its moment", "0 * * * *", "12:00", "13:00", "13:00", "13:00", "13:00"},
		{"a minute late is on time", "0 * * * *", "12:00", "13:01", "13:00", "13:00", "13:00"},
		{"two minutes late is missed", "0 * * * *", "12:00", "13:02", "13:00", "13:00", ""},
		{"three are missed", "0 * * * *", "12:00", "15:30", "15:00", "13:00 14:00 15:00", ""},
		{"two are missed, and one is on time", "0 * * * *", "12:00", "15:00", "15:00", "13:00 14:00 15:00", "15:00"},
		{"two are on time", "* * * * *", "12:00", "12:02", "12:02", "12:01 12:02", "12:01 12:02"},
		{"the clock went back", "0 * * * *", "12:00", "11:30", "", "", ""},
		{"the clock went back over a run", "0 * * * *", "12:00", "12:00", "", "", ""},
	} {
		schedule := mustParse(t, tt.expression).In(time.UTC)
		last, now := moment(t, "2026-11-28 "+tt.last+" +0000"), moment(t, "2026-11-28 "+tt.now+" +0000")
		for policy, want := range map[Policy]string{Once: tt.once, Every: tt.every, Skip: tt.skip} {
			runs, cut := schedule.Due(last, now, policy)
			var got []string
			for _, run := range runs {
				got = append(got, run.Format("15:04"))
			}
			if strings.Join(got, " ") != want || cut {
				t.Errorf("%s, %s: %s, %t, want %s", tt.name, policy, got, cut, want)
			}
		}
	}
}

func TestDueKeepsTheNewest(t *testing.T) {
	schedule := mustParse(t, "* * * * *").In(time.UTC)
	now := moment(t, "2026-11-28 12:00 +0000")
	for _, tt := range []struct {
		missed, want int
		cut          bool
	}{{999, 999, false}, {1000, 1000, false}, {1001, 1000, true}, {525_600, 1000, true}} {
		runs, cut := schedule.Due(now.Add(-time.Duration(tt.missed)*time.Minute), now, Every)
		if len(runs) != tt.want || cut != tt.cut || !runs[len(runs)-1].Equal(now) || !runs[0].Equal(now.Add(-time.Duration(tt.want-1)*time.Minute)) {
			t.Errorf("%d missed: %d runs from %s to %s, cut %t", tt.missed, len(runs), runs[0], runs[len(runs)-1], cut)
		}
	}
}

// TestDueAgainstBetween compares Due with a walk over all runs.
func TestDueAgainstBetween(t *testing.T) {
	names, seeds := strings.Fields(zoneNames), effort.Seeds(t)
	for i := range effort.Cases(300, 20_000) {
		random := seeds(i)
		schedule := mustParse(t, randomExpression(random)).In(mustZone(t, names[random.IntN(len(names))]))
		last := time.Unix(1_700_000_000+random.Int64N(200_000_000), 0)
		now := last.Add(downtime(random))
		all := slices.Collect(schedule.Between(last.Add(time.Second), now.Add(1)))
		for _, policy := range Policies() {
			want := all
			switch policy {
			case Once:
				want = all[max(len(all)-1, 0):]
			case Every:
				want = all[max(len(all)-MostMissed, 0):]
			case Skip:
				want = slices.DeleteFunc(slices.Clone(all), func(run time.Time) bool { return now.Sub(run) > OnTime })
			}
			got, cut := schedule.Due(last, now, policy)
			if !slices.Equal(got, want) || cut != (policy == Every && len(all) > MostMissed) {
				t.Fatalf("%v in %s, from %s to %s, %s: %d runs, cut %t; want %d of %d", schedule.expression, schedule.zone, last, now, policy,
					len(got), cut, len(want), len(all))
			}
		}
	}
}

// downtime returns some seconds to some weeks.
func downtime(random *rand.Rand) time.Duration {
	length := time.Second << random.IntN(22)
	return length + time.Duration(random.Int64N(int64(length)))
}

// TestDueOnceOverRestarts has a server ask at random moments, with restarts and a clock that jumps back, and keep the last run as a scheduler
// does. Every run starts exactly once.
func TestDueOnceOverRestarts(t *testing.T) {
	seeds := effort.Seeds(t)
	for i := range effort.Cases(20, 1000) {
		random := seeds(i)
		schedule := mustParse(t, randomExpression(random)).In(mustZone(t, "Europe/Berlin"))
		start := time.Unix(1_790_000_000+random.Int64N(10_000_000), 0)
		end := start.Add(10 * time.Hour)
		var started []time.Time
		last := start
		for now := start; now.Before(end); now = now.Add(time.Duration(random.Int64N(int64(20*time.Minute))) - 5*time.Minute) {
			runs, _ := schedule.Due(last, now, Every)
			if started = append(started, runs...); len(runs) > 0 {
				last = runs[len(runs)-1]
			}
		}
		runs, _ := schedule.Due(last, end, Every)
		started = append(started, runs...)
		want := slices.Collect(schedule.Between(start.Add(1), end.Add(1)))
		if !slices.Equal(started, want) {
			t.Fatalf("%v from %s: started %s, want %s", schedule.expression, start, started, want)
		}
	}
}
