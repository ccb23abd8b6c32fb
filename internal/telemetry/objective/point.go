package objective

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// RestorePoint is the kind of an objective for the age of the newest restorable moment. It counts no events: it is met or
// missed at each time.
const RestorePoint Kind = "restore_point"

// A PointStatus is how an objective of the kind RestorePoint is doing.
type PointStatus struct {
	Objective
	Newest time.Time     // the newest restorable moment; zero: not known yet
	Age    time.Duration // of it
	Missed bool
}

// PointsOf returns the objectives of a model for the newest restorable moment.
func PointsOf(operate *model.Operate) (all []Objective) {
	for _, slo := range operate.SLOs {
		if slo.RestorePoint > 0 {
			all = append(all, Objective{Name: slo.Name, Kind: RestorePoint, Below: slo.RestorePoint})
		}
	}
	return all
}

// A point is an objective of the kind RestorePoint with its alert. Its methods need the lock of the service.
type point struct {
	Objective
	newest time.Time
	missed time.Time // when the moment grew too old; zero: it is young enough
}

// look compares the newest restorable moment with the objective, and returns the alert that begins or ends.
func (p *point) look(newest, now time.Time) (Alert, bool) {
	if newest.IsZero() { // a server that has just started does not know it yet
		return Alert{}, false
	}
	before := p.missed
	p.newest, p.missed = newest, time.Time{}
	if now.Sub(newest) > p.Below {
		p.missed = newest.Add(p.Below) // the same for each node, and after a restart
	}
	switch {
	case before.IsZero() && !p.missed.IsZero():
		return p.alert(now), true
	case !before.IsZero() && p.missed.IsZero():
		return Alert{Objective: p.Objective, Severity: Ticket, Since: before, At: now}, true
	}
	return Alert{}, false
}

// alert returns the alert of an objective that is missed.
func (p *point) alert(now time.Time) Alert {
	return Alert{Objective: p.Objective, Severity: Ticket, Firing: true, Since: p.missed, At: now}
}

// Points returns how the objectives for the newest restorable moment are doing.
func (s *Service) Points() []PointStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	all := make([]PointStatus, len(s.points))
	for i, p := range s.points {
		all[i] = PointStatus{Objective: p.Objective, Newest: p.newest, Missed: !p.missed.IsZero()}
		if !p.newest.IsZero() {
			all[i].Age = now.Sub(p.newest)
		}
	}
	return all
}
