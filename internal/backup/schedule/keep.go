package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// freshTime is the age below which every backup stays, counted from the newest one.
const freshTime = 24 * time.Hour

// Expired returns the backups that are not to be kept, the oldest first. It keeps the newest backup, all of the day before it,
// and the newest of each of the last days, weeks and months that have one. Days begin at midnight UTC. Time without backups
// removes nothing. Nothing expires unless the newest backup is sound.
func Expired(all []Backup, keep model.Keep, sound func(id string) bool) (gone []Backup) {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Backup) int { // the newest first
		if order := b.Taken.Compare(a.Taken); order != 0 {
			return order
		}
		return cmp.Compare(b.ID, a.ID)
	})
	if !sound(all[0].ID) {
		return nil
	}
	kept := make([]bool, len(all))
	for i, b := range all {
		kept[i] = i == 0 || all[0].Taken.Sub(b.Taken) < freshTime
	}
	for _, span := range []struct {
		most int
		name func(time.Time) string
	}{
		{keep.Days, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{keep.Weeks, weekOf},
		{keep.Months, func(t time.Time) string { return t.Format("2006-01") }},
	} {
		seen := map[string]bool{}
		for i, b := range all {
			name := span.name(b.Taken.UTC())
			if !seen[name] && len(seen) < span.most {
				seen[name] = true
				kept[i] = true
			}
		}
	}
	for i, b := range slices.Backward(all) {
		if !kept[i] {
			gone = append(gone, b)
		}
	}
	return gone
}

func weekOf(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%d-%02d", year, week)
}
