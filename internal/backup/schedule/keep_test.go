package schedule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func always(string) bool { return true }

// at returns a backup of that time.
func at(text string) Backup {
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return Backup{ID: text, Taken: t}
}

func TestExpired(t *testing.T) {
	all := []Backup{
		at("2026-11-28T02:00"), at("2026-11-27T14:00"), at("2026-11-27T02:00"), at("2026-11-26T02:00"), at("2026-11-22T02:00"),
		at("2026-11-15T02:00"), at("2026-11-14T02:00"), at("2026-10-31T02:00"), at("2026-10-01T02:00"), at("2026-01-01T02:00"),
	}
	for _, tt := range []struct {
		name string
		keep model.Keep
		gone []string
	}{
		{"nothing but the newest day", model.Keep{}, []string{
			"2026-01-01T02:00", "2026-10-01T02:00", "2026-10-31T02:00", "2026-11-14T02:00", "2026-11-15T02:00", "2026-11-22T02:00",
			"2026-11-26T02:00", "2026-11-27T02:00",
		}},
		{"days skip days without a backup", model.Keep{Days: 4}, []string{
			"2026-01-01T02:00", "2026-10-01T02:00", "2026-10-31T02:00", "2026-11-14T02:00", "2026-11-15T02:00", "2026-11-27T02:00",
		}},
		{"weeks end on Sunday", model.Keep{Weeks: 3}, []string{
			"2026-01-01T02:00", "2026-10-01T02:00", "2026-10-31T02:00", "2026-11-14T02:00", "2026-11-26T02:00", "2026-11-27T02:00",
		}},
		{"months", model.Keep{Months: 3}, []string{
			"2026-10-01T02:00", "2026-11-14T02:00", "2026-11-15T02:00", "2026-11-22T02:00", "2026-11-26T02:00", "2026-11-27T02:00",
		}},
	} {
		var gone []string
		for _, b := range Expired(all, tt.keep, always) {
			gone = append(gone, b.ID)
		}
		if diff := cmp.Diff(tt.gone, gone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if gone := Expired(all, model.Keep{}, func(id string) bool { return id != all[0].ID }); gone != nil {
		t.Errorf("the newest one is damaged, and %d expire", len(gone))
	}
}

// TestExpiredProperties takes random backups and policies.
func TestExpiredProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var all []Backup
		moment := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
		for i := range random.IntN(60) {
			moment = moment.Add(-time.Duration(random.IntN(1+random.IntN(100*24*60))) * time.Minute)
			all = append(all, Backup{ID: fmt.Sprintf("%03d", 999-i), Taken: moment})
		}
		keep := model.Keep{Days: random.IntN(9), Weeks: random.IntN(5), Months: random.IntN(7)}
		shuffled := slices.Clone(all)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		gone := Expired(shuffled, keep, always)
		if diff := cmp.Diff(Expired(all, keep, always), gone); diff != "" {
			t.Fatalf("the order of the list matters:\n%s", diff)
		}
		left := slices.DeleteFunc(slices.Clone(all), func(b Backup) bool { return slices.Contains(gone, b) })
		if len(left)+len(gone) != len(all) {
			t.Fatalf("%d are left and %d go, of %d", len(left), len(gone), len(all))
		}
		if len(all) > 0 && left[0] != all[0] {
			t.Fatalf("the newest one goes")
		}
		if again := Expired(left, keep, always); len(again) > 0 {
			t.Fatalf("a second look removes %d more", len(again))
		}
		days, weeks, months := spans(left)
		allDays, allWeeks, allMonths := spans(all)
		if days < min(keep.Days, allDays) || weeks < min(keep.Weeks, allWeeks) || months < min(keep.Months, allMonths) {
			t.Fatalf("%d days, %d weeks and %d months are left with %+v, of %d, %d and %d", days, weeks, months, keep, allDays, allWeeks, allMonths)
		}
		fresh := 0
		for _, b := range all {
			if all[0].Taken.Sub(b.Taken) < freshTime {
				fresh++
			}
		}
		if most := fresh + keep.Days + keep.Weeks + keep.Months; len(left) > most {
			t.Fatalf("%d are left, more than %d", len(left), most)
		}
		if len(all) > 0 && Expired(all, keep, func(id string) bool { return id != all[0].ID }) != nil {
			t.Fatal("some go although the newest one is damaged")
		}
	}
}

// spans counts the days, weeks and months that have a backup.
func spans(all []Backup) (days, weeks, months int) {
	d, w, m := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, b := range all {
		d[b.Taken.Format(time.DateOnly)], w[weekOf(b.Taken)], m[b.Taken.Format("2006-01")] = true, true, true
	}
	return len(d), len(w), len(m)
}
