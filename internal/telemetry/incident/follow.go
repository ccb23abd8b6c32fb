package incident

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// Alert tells the service that an alert began or ended. It never blocks.
func (s *Service) Alert(objective.Alert) {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

const (
	lookPause = 10 * time.Second
	calm      = 15 * time.Minute // an incident closes when its alerts have been over for so long
)

// Run opens and closes incidents until ctx ends. It implements background.Service.
func (s *Service) Run(ctx context.Context) error {
	ticks := time.NewTicker(lookPause)
	defer ticks.Stop()
	failing := false
	for {
		err := s.look(ctx)
		if !failing && ctx.Err() == nil {
			s.warn("incidents are not kept", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-ticks.C:
		}
	}
}

// look compares the open incidents with the alerts that fire.
func (s *Service) look(ctx context.Context) error {
	now, firing := s.cfg.Now(), s.objectives.Firing()
	closed, err := s.follow(ctx, now, firing)
	if err != nil {
		return err
	}
	for _, id := range closed {
		s.cfg.Logger.Info("an incident is closed", "incident", id)
		if _, err := s.Report(ctx, id); err != nil { // it is computed again when somebody asks for it
			s.warn("an incident was not explained", err)
		}
	}
	return nil
}

// sourceOf returns the source of the incident that an alert belongs to. A page in the days of a ticket is another incident.
func sourceOf(a *objective.Alert) string {
	if a.Severity == objective.Ticket {
		return a.Name + "/" + string(a.Severity)
	}
	return a.Name
}

// follow opens incidents for the alerts that have none, and closes those whose alerts are over. It returns the closed ones.
func (s *Service) follow(ctx context.Context, now time.Time, firing []objective.Alert) (closed []int64, err error) {
	defer errs.Wrap(&err, "incident.follow")
	s.changing.Lock()
	defer s.changing.Unlock()
	open, err := s.archive.Incidents(ctx, now, now.Add(time.Hour), maxOpen)
	if err != nil {
		return nil, err
	}
	for i := range open {
		in := &open[i]
		if in.Source == "" || in.State != Open {
			continue
		}
		changed, ended := update(in, now, firing)
		if !changed {
			continue
		}
		if _, err := s.archive.PutIncident(ctx, *in); err != nil {
			return closed, err
		}
		if ended {
			closed = append(closed, in.ID)
		}
	}
	for i := range firing {
		if err := s.openFor(ctx, now, &firing[i]); err != nil {
			return closed, err
		}
	}
	return closed, nil
}

// maxOpen bounds the incidents that one look reads.
const maxOpen = 1000

// update brings an incident to what fires now. It reports whether something changed, and whether the incident has ended.
func update(in *archive.Incident, now time.Time, firing []objective.Alert) (changed, ended bool) {
	st := readState(in.Details)
	for i := range firing {
		if a := &firing[i]; sourceOf(a) == in.Source && !st.has(a) {
			st.Alerts = append(st.Alerts, alertOf(a))
			changed = true
		}
	}
	fires := func(known Alert) bool {
		return slices.ContainsFunc(firing, func(a objective.Alert) bool { return known.is(&a) })
	}
	var last time.Time
	firesStill := false
	for i := range st.Alerts {
		a := &st.Alerts[i]
		switch {
		case fires(*a):
			firesStill = true
		case a.Over.IsZero():
			a.Over, changed = now, true
		}
		if a.Over.After(last) {
			last = a.Over
		}
	}
	if !firesStill && now.Sub(last) >= calm {
		if last.IsZero() { // its details were damaged
			last = now
		}
		in.State, in.Closed = Closed, last
		changed, ended = true, true
	}
	in.Details = st.text()
	return changed, ended
}

// openFor opens an incident for an alert, unless there is one. A person may have closed the incident of an alert that still
// fires.
func (s *Service) openFor(ctx context.Context, now time.Time, a *objective.Alert) error {
	known, err := s.archive.Incidents(ctx, a.Since, now.Add(time.Hour), maxOpen)
	if err != nil {
		return err
	}
	for _, in := range known {
		if st := readState(in.Details); in.Source == sourceOf(a) && st.has(a) {
			return nil
		}
	}
	st := state{Alerts: []Alert{alertOf(a)}}
	id, err := s.archive.PutIncident(ctx, archive.Incident{Opened: a.Since, State: Open, Source: sourceOf(a), Title: a.Summary(), Details: st.text()})
	if err == nil {
		s.cfg.Logger.Info("an incident is open", "incident", id, "title", a.Summary())
	}
	return err
}

func alertOf(a *objective.Alert) Alert {
	return Alert{Key: a.Key(), Name: a.Name, Kind: a.Kind, Severity: a.Severity, Summary: a.Summary(), Since: a.Since, Window: a.Window, Below: a.Below}
}

// is reports whether it is the same alert, since the same time.
func (a *Alert) is(other *objective.Alert) bool {
	return a.Key == other.Key() && a.Since.Equal(other.Since)
}

func (s *state) has(a *objective.Alert) bool {
	return slices.ContainsFunc(s.Alerts, func(known Alert) bool { return known.is(a) })
}
