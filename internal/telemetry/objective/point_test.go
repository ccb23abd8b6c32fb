package objective

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func TestAnOldRestorePointIsATicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watched := &model.Operate{SLOs: []model.SLO{{Name: "backup", RestorePoint: 25 * time.Hour}}}
		var newest time.Time
		var events []string
		cfg := Config{Restorable: func() time.Time { return newest }, Events: func(a Alert) { events = append(events, a.Key()+" "+a.Summary()) }}
		s := NewService(watched, cfg)
		s.Evaluate()
		if point := s.Points()[0]; !point.Newest.IsZero() || point.Missed {
			t.Errorf("before the moment is known: %+v", point)
		}
		newest = time.Now()
		time.Sleep(25 * time.Hour)
		s.Evaluate()
		if point := s.Points()[0]; point.Missed || point.Age != 25*time.Hour {
			t.Errorf("at the limit: %+v", point)
		}
		time.Sleep(time.Hour)
		s.Evaluate()
		s.Evaluate() // tells nothing again
		first := s.Firing()
		if len(first) != 1 || !first[0].Since.Equal(newest.Add(25*time.Hour)) || !s.Points()[0].Missed {
			t.Errorf("an hour later: %+v", first)
		}
		s = NewService(watched, cfg) // a restart
		s.Evaluate()
		if again := s.Firing(); len(again) != 1 || again[0].Key() != first[0].Key() || !again[0].Since.Equal(first[0].Since) {
			t.Errorf("after a restart %+v, want the same alert since the same time", again)
		}
		newest = time.Now()
		s.Evaluate()
		if len(s.Firing()) != 0 || s.Points()[0].Missed {
			t.Error("it fires after a backup")
		}
		missed := "backup/restore_point/ticket backup: the newest restorable moment is 1d2h old, with an objective of 1d1h"
		if diff := cmp.Diff([]string{missed, missed, "backup/restore_point/ticket backup: over after 1h"}, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestRestorePointsCountNoRequests keeps objectives and counters at the same indexes.
func TestRestorePointsCountNoRequests(t *testing.T) {
	watched := &model.Operate{SLOs: []model.SLO{{Name: "backup", RestorePoint: time.Hour}, {Name: "api", Available: 99}}}
	s := NewService(watched, Config{})
	r := request("GET /api/{table}", "posts", "/api/posts")
	r.Status = 500
	s.Take(&r)
	s.Evaluate()
	all := s.Statuses()
	if len(all) != 1 || all[0].Name != "api" || all[0].Bad != 1 {
		t.Errorf("Statuses() = %+v, want api with one failure", all)
	}
}
