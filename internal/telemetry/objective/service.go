package objective

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	evaluatePause = 10 * time.Second
	savePause     = time.Minute
)

// Config tunes a Service. The zero value works.
type Config struct {
	File   string           // keeps the history over restarts; default: nothing does
	Events func(Alert)      // is called for each alert that begins or ends, and must not block; default: nobody hears of them
	Logger *slog.Logger     // default: no log
	Now    func() time.Time // default: time.Now

	// Restorable returns the newest restorable moment, or the zero time if it is not known. Default: it is never known.
	Restorable func() time.Time
}

// A Service watches the objectives of a model. It is safe for concurrent use.
type Service struct {
	*Collector
	cfg Config

	mu        sync.Mutex
	evaluator *Evaluator
	recent    []Counts // of each objective, since the last Drain
	requests  int64    // that the collector had counted at the last tick
	idle      time.Time
	points    []point
}

// NewService returns a service with the history in the file, if there is one. A history that cannot be read is logged and
// given up: the server must start all the same.
func NewService(operate *model.Operate, cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Events == nil {
		cfg.Events = func(Alert) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Restorable == nil {
		cfg.Restorable = func() time.Time { return time.Time{} }
	}
	s := &Service{Collector: NewCollector(operate), cfg: cfg, idle: cfg.Now()}
	s.evaluator, s.recent = NewEvaluator(s.objectives, cfg.Now()), make([]Counts, len(s.objectives))
	for _, o := range PointsOf(operate) {
		s.points = append(s.points, point{Objective: o})
	}
	if err := s.load(); err != nil {
		cfg.Logger.Warn("the history of the objectives is lost: their budgets begin anew", "error", err)
	}
	return s
}

// Run evaluates the objectives every ten seconds until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticks := time.NewTicker(evaluatePause)
	defer ticks.Stop()
	saved := s.cfg.Now()
	for {
		select {
		case <-ctx.Done():
			s.tick()
			s.save()
			return ctx.Err()
		case <-ticks.C:
		}
		s.tick()
		if now := s.cfg.Now(); now.Sub(saved).Abs() >= savePause {
			saved = now
			s.save()
		}
	}
}

// Evaluate is one of the evaluations that Run makes, at once.
func (s *Service) Evaluate() { s.tick() }

// tick counts what came since the last tick, and tells of the alerts that begin or end.
func (s *Service) tick() {
	now, newest := s.cfg.Now(), s.cfg.Restorable()
	s.mu.Lock()
	for i, c := range s.counters {
		counts := c.drain()
		s.evaluator.Add(i, now, counts)
		s.recent[i].Merge(&counts)
	}
	events := s.evaluator.Evaluate(now)
	for i := range s.points {
		if event, ok := s.points[i].look(newest, now); ok {
			events = append(events, event)
		}
	}
	if n := s.Collector.requests.Load(); n != s.requests {
		s.requests, s.idle = n, now
	}
	s.mu.Unlock()
	for _, alert := range events {
		level := slog.LevelInfo
		if alert.Firing {
			level = slog.LevelWarn
		}
		s.cfg.Logger.Log(context.Background(), level, "alert", "alert", alert.Key(), "firing", alert.Firing, "summary", alert.Summary())
		s.cfg.Events(alert)
	}
}

// Idle reports whether no user has asked the API for so long, as far as the last tick knows.
func (s *Service) Idle(length time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Collector.requests.Load() == s.requests && s.cfg.Now().Sub(s.idle) >= length
}

// Drain returns the counts of each objective since the last Drain, for whoever shares them with other nodes.
func (s *Service) Drain() []Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	drained := s.recent
	s.recent = make([]Counts, len(drained))
	return drained
}

// Statuses returns how the objectives are doing.
func (s *Service) Statuses() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evaluator.Statuses(s.cfg.Now())
}

// Firing returns the alerts that fire.
func (s *Service) Firing() []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	firing := s.evaluator.Firing(now)
	for i := range s.points {
		if p := &s.points[i]; !p.missed.IsZero() {
			firing = append(firing, p.alert(now))
		}
	}
	return firing
}

// Losses returns what a span of time took of the budgets of all objectives.
func (s *Service) Losses(from, to time.Time) []Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evaluator.Losses(from, to, s.cfg.Now())
}

// load restores the history.
func (s *Service) load() (err error) {
	defer errs.Wrap(&err, "objective.load")
	if s.cfg.File == "" {
		return nil
	}
	state, err := os.ReadFile(s.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.evaluator.Restore(state)
}

// save stores the history. What cannot be stored is logged, and evaluated all the same: a full disk is when alerts matter.
func (s *Service) save() {
	if s.cfg.File == "" {
		return
	}
	s.mu.Lock()
	state := s.evaluator.Encode()
	s.mu.Unlock()
	if err := replaceFile(s.cfg.File, state); err != nil {
		s.cfg.Logger.Warn("the history of the objectives is not stored", "error", err)
	}
}

// replaceFile writes a file under another name and renames it, so that a crash leaves a whole one.
func replaceFile(path string, data []byte) (err error) {
	defer errs.Wrap(&err, "objective.replaceFile")
	unfinished := path + ".new"
	if err := os.WriteFile(unfinished, data, 0o600); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return os.Rename(unfinished, path)
}
