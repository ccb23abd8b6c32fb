package schedule

import (
	"context"
	"time"
)

// A Status is how backups are doing, as this node read it last.
type Status struct {
	Problem string // why the target cannot be written; "": it can, or nobody has tried yet
	Kinds   []KindStatus
}

// A KindStatus is how backups or drills are doing.
type KindStatus struct {
	Kind      string
	Every     time.Duration
	Next      time.Time
	LastOK    time.Time // begin of the last one that worked; zero: none has
	Failures  int       // in a row
	Overdue   bool
	RunningOn string // node; "": none runs
}

// Of returns the status of a kind, or nil.
func (s *Status) Of(kind string) *KindStatus {
	for i := range s.Kinds {
		if s.Kinds[i].Kind == kind {
			return &s.Kinds[i]
		}
	}
	return nil
}

// Status returns how backups are doing. It is some seconds old.
func (s *Service) Status() *Status { return s.status.Load() }

// refresh reads how backups are doing, and tells of alerts that begin or end.
func (s *Service) refresh(ctx context.Context) error {
	all, _, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	problem := s.problem
	s.mu.Unlock()
	now, status := s.cfg.Now(), &Status{}
	if problem != nil {
		status.Problem = problem.Error()
	}
	for _, kind := range s.kinds() {
		p, every := all.of(kind, now, s.every(kind)), s.every(kind)
		one := KindStatus{Kind: kind, Every: every, Next: p.Next, LastOK: p.LastOK, Failures: p.Failures, Overdue: p.overdue(now, every)}
		if p.runs(now) {
			one.RunningOn = p.Node
		}
		status.Kinds = append(status.Kinds, one)
	}
	s.status.Store(status)
	s.tell(status, now)
	return nil
}

// An Alert says that backups are in danger, or no longer.
type Alert struct {
	Kind    string // KindBackup, KindDrill or KindTarget
	Summary string
	Firing  bool
	Since   time.Time
	At      time.Time
}

// KindTarget is the kind of an alert about the target.
const KindTarget = "target"

// tell tells of alerts that begin or end. Summaries hold no error: mails and chats are read by more people than the console.
func (s *Service) tell(status *Status, now time.Time) {
	s.note(KindTarget, status.Problem != "", "The target of backups cannot be written: no backup is taken.", "The target of backups can be written.", now)
	for _, one := range status.Kinds {
		summary := "The last " + one.Kind + " failed. The server tries again by itself."
		if one.Overdue {
			summary = "The last " + one.Kind + " that worked began at " + one.LastOK.UTC().Format(time.RFC3339) + ": one is overdue."
		}
		s.note(one.Kind, one.Overdue || one.Failures > 0, summary, "A "+one.Kind+" has worked.", now)
	}
}

func (s *Service) note(kind string, isBad bool, begins, ends string, now time.Time) {
	s.mu.Lock()
	since, fires := s.firing[kind]
	switch {
	case isBad && !fires:
		s.firing[kind] = now
	case !isBad && fires:
		delete(s.firing, kind)
	}
	s.mu.Unlock()
	switch {
	case isBad && !fires:
		s.cfg.Alerts(Alert{Kind: kind, Summary: begins, Firing: true, Since: now, At: now})
	case !isBad && fires:
		s.cfg.Alerts(Alert{Kind: kind, Summary: ends, Since: since, At: now})
	}
}
