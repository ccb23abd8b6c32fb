// Package schedule takes backups when they are due, removes old ones, and drills whether the newest one can be restored.
// See docs/decisions/0064-drills.md.
//
// Each node looks at the plans of the database. A node that finds one due locks the plans, looks again, and takes a lease. So
// one node works on it, and another one takes over when that node is gone.
//
// The files form layers. From the top down:
//   - schedule.go is the service, run.go works on what is due.
//   - status.go says how backups are doing, and tells of alerts.
//   - plan.go decides when the next one is due, keep.go which ones go. Both are pure.
//   - table.go stores plans and attempts.
package schedule

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// The kinds of work.
const (
	KindBackup = "backup"
	KindDrill  = "drill"
)

// A Backup is a whole backup in the target.
type Backup struct {
	ID    string
	Taken time.Time
	Bytes int64
}

// Work is what a Service does when it is due. Each call ends soon after its context.
type Work interface {
	Take(ctx context.Context) (Backup, error)
	List(ctx context.Context) ([]Backup, error) // of this app
	Remove(ctx context.Context, id string) error
	Drill(ctx context.Context, id string) (found string, err error) // found says what was looked at
	Probe(ctx context.Context) error                                // writes, reads and deletes a small object
}

// Config holds what a Service needs. Alerts, Logger and Now may be missing.
type Config struct {
	Backups *model.Backups // with the values of its settings
	Work    Work
	Store   store.DB // has the table of Tables
	Node    string
	Alerts  func(Alert)      // is told of alerts and their ends
	Logger  *slog.Logger     // nil: no log
	Now     func() time.Time // nil: time.Now
}

// A Service takes backups and drills. It is a background.Service.
type Service struct {
	cfg    Config
	lease  time.Duration // after which another node takes over
	poke   chan struct{} // has room for one
	status atomic.Pointer[Status]

	mu      sync.Mutex
	problem error                // why the target cannot be written; nil: it can
	probed  bool                 // the target has been written
	probeAt time.Time            // when to try again
	probes  int                  // failed ones in a row
	firing  map[string]time.Time // since when, by kind of alert
}

// New returns a service that does not run yet.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alerts == nil {
		cfg.Alerts = func(Alert) {}
	}
	s := &Service{cfg: cfg, lease: leaseTime, poke: make(chan struct{}, 1), firing: map[string]time.Time{}}
	s.status.Store(&Status{})
	return s
}

const (
	longestSleep = 30 * time.Second // another node may change the plans
	shortPause   = time.Second      // after a failure of the database
	callTime     = 10 * time.Second // bounds a transaction
	probeTime    = time.Minute      // bounds a look at the target
	listTime     = 5 * time.Minute  // bounds retention
	runTime      = 12 * time.Hour   // bounds a backup or a drill
	stopTime     = 3 * time.Second  // bounds the last write of a run that is cut short
	leaseTime    = 2 * time.Minute  // usual lease
)

// Run works until ctx ends. It survives a database or a target that is away.
func (s *Service) Run(ctx context.Context) error {
	failing := false
	for {
		sleep, err := s.tick(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			sleep = shortPause
			if !failing {
				s.cfg.Logger.Warn("the plans of backups cannot be looked at: trying again", "error", err)
			}
		case failing:
			s.cfg.Logger.Info("the plans of backups can be looked at again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.poke:
		case <-time.After(sleep):
		}
	}
}

// tick works on what is due, and returns the time until it must look again.
func (s *Service) tick(ctx context.Context) (sleep time.Duration, err error) {
	canWrite := s.probe(ctx)
	if err := s.refresh(ctx); err != nil {
		return 0, err
	}
	for _, kind := range s.kinds() {
		if !canWrite || ctx.Err() != nil {
			break
		}
		taken, claimed, err := s.claim(ctx, kind)
		if err != nil {
			return 0, err
		}
		if claimed {
			s.work(ctx, taken)
			if err := s.refresh(ctx); err != nil {
				return 0, err
			}
		}
	}
	sleep = longestSleep
	now := s.cfg.Now()
	for _, one := range s.status.Load().Kinds {
		if canWrite && one.RunningOn == "" && one.Next.After(now) {
			sleep = min(sleep, max(one.Next.Sub(now), time.Millisecond))
		}
	}
	return sleep, nil
}

// kinds returns what the model asks for.
func (s *Service) kinds() []string {
	if s.cfg.Backups.Drill == 0 {
		return []string{KindBackup}
	}
	return []string{KindBackup, KindDrill}
}

func (s *Service) every(kind string) time.Duration {
	if kind == KindDrill {
		return s.cfg.Backups.Drill
	}
	return s.cfg.Backups.Every
}

// probe finds out whether the target takes backups, and reports it. Without a probe that worked, no backup is due.
func (s *Service) probe(ctx context.Context) bool {
	s.mu.Lock()
	done, wait := s.probed, s.cfg.Now().Before(s.probeAt)
	s.mu.Unlock()
	if done || wait {
		return done
	}
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := s.cfg.Work.Probe(bounded)
	if ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem, s.probed = err, err == nil
	if err != nil {
		s.probes++
		s.probeAt = s.cfg.Now().Add(backoff(s.probes, longestBackoff))
		s.cfg.Logger.Error("scheduled backups do not start: the target cannot be written", "error", err, "again", s.probeAt)
	}
	return err == nil
}

// RunNow makes a backup or a drill due. also runs in the same transaction.
func (s *Service) RunNow(ctx context.Context, kind string, also ...func(tx store.Tx) error) error {
	if kind != KindBackup && kind != KindDrill {
		return errs.New(errs.Malformed, "a backup or a drill can be due, not %s", errs.Clip(kind, 40))
	}
	err := s.change(ctx, func(tx store.Tx, all plans, now time.Time) error {
		p := all.of(kind, now, s.every(kind))
		if p.runs(now) {
			return errs.New(errs.Conflict, "a %s runs already on %s", kind, p.Node)
		}
		p.Next = now
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		select {
		case s.poke <- struct{}{}:
		default: // it will look anyway
		}
	}
	return err
}
