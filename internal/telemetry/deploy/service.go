package deploy

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// Key names the alert about a deploy.
const Key = "deploy/ticket"

// An Alert says that a deploy made something worse, or that this is over: after a day, or with the next deploy.
type Alert struct {
	Firing bool
	Since  time.Time // when the audit found it
	At     time.Time
	Audit  Audit
}

// Summary returns the alert as one line.
func (a *Alert) Summary() string {
	switch {
	case a.Firing:
		return a.Audit.Summary()
	case a.At.Sub(a.Since) < firesFor:
		return "deploy of " + a.Audit.Change + ": over with the next deploy"
	}
	return "deploy of " + a.Audit.Change + ": over after a day"
}

// Config says what a Service needs. Archive and Node are required.
type Config struct {
	Archive *archive.Archive
	Node    string
	Alert   func(Alert)      // nil: nobody is told
	Jobs    *telemetry.Jobs  // get the record of an audit; nil: none
	Logger  *slog.Logger     // default: no log
	Now     func() time.Time // default: time.Now
}

// A Service audits the deploys of this node. It is a background.Service.
type Service struct {
	cfg Config
	job *telemetry.Job

	settled bool // the last deploy is audited, or there is none
	firing  *Alert
}

// NewService returns a service.
func NewService(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alert == nil {
		cfg.Alert = func(Alert) {}
	}
	return &Service{cfg: cfg, job: cfg.Jobs.Job("deploy audit")}
}

const (
	lookEvery = time.Minute
	firesFor  = day              // of an alert
	late      = 2 * time.Hour    // a deploy is not audited later than this after its time, because the server was off
	margin    = 20 * time.Second // until the archive has all of the last step
)

// Resume returns the alert that fired before a restart of this node. It comes before Run, which ends the alert.
func (s *Service) Resume(ctx context.Context) (_ Alert, fires bool, err error) {
	defer errs.Wrap(&err, "deploy.Resume")
	past, err := s.past(ctx)
	if err != nil {
		return Alert{}, false, err
	}
	if s.firing = past.firing; s.firing == nil {
		return Alert{}, false, nil
	}
	return *s.firing, true, nil
}

// Run audits each deploy when its time has come, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("the last deploy could not be audited yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

// look audits the last deploy if that is due. It ends an alert after a day, or with the next deploy.
func (s *Service) look(ctx context.Context) error {
	now := s.cfg.Now()
	if s.firing != nil && now.Sub(s.firing.Since) >= firesFor {
		s.end(now)
	}
	if s.settled {
		return nil
	}
	past, err := s.past(ctx)
	if err != nil {
		return err
	}
	last := past.last
	if s.firing != nil && last.at.After(s.firing.Audit.At) {
		s.end(now)
	}
	due := last.at.Add(length + margin)
	switch {
	case last.at.IsZero(), last.audited, now.After(due.Add(late)):
		s.settled = true
		return nil
	case now.Before(due):
		return nil
	}
	err = s.job.Do(ctx, func(ctx context.Context) error { return s.audit(ctx, last) })
	s.settled = err == nil
	return err
}

func (s *Service) audit(ctx context.Context, last deployed) error {
	found, err := run(ctx, s.cfg.Archive, last)
	if err != nil {
		return err
	}
	found.Node = s.cfg.Node
	now, kind := s.cfg.Now(), archive.EventAudited
	if len(found.Worse()) == 0 {
		s.cfg.Logger.Info("deploy audited", "summary", found.Summary())
	} else {
		s.cfg.Logger.Warn("deploy made something worse", "summary", found.Summary())
		kind = archive.EventAudit
		s.firing = &Alert{Firing: true, Since: now, At: now, Audit: *found}
		s.cfg.Alert(*s.firing)
	}
	s.cfg.Archive.PutEvent(archive.Event{At: now, Kind: kind, Text: found.Summary(), Details: encode(found)})
	return nil
}

// end says that an alert is over.
func (s *Service) end(now time.Time) {
	over := *s.firing
	over.Firing, over.At = false, now
	s.firing = nil
	s.cfg.Alert(over)
	s.cfg.Archive.PutEvent(archive.Event{At: now, Kind: archive.EventAlertOver, Text: over.Summary(), Details: Key})
}

// Audits returns the audits of this node between two times, the newest first.
func (s *Service) Audits(ctx context.Context, from, to time.Time) ([]Audit, error) {
	return Audits(ctx, s.cfg.Archive, from, to)
}

// run audits a deploy.
func run(ctx context.Context, from source, last deployed) (*Audit, error) {
	after, err := collect(ctx, from, span{"after the deploy", last.at.Add(settles), last.at.Add(length)})
	if err != nil {
		return nil, err
	}
	var bases []Window
	for _, s := range baseSpans(last.begin) {
		base, err := collect(ctx, from, s)
		if err != nil {
			return nil, err
		}
		if base.steps() >= fewestSteps {
			bases = append(bases, base)
		}
	}
	found := &Audit{At: last.at, Change: last.change, From: last.at.Add(settles), To: last.at.Add(length), Measures: Judge(after, bases...)}
	for _, base := range bases {
		found.Bases = append(found.Bases, base.Name)
	}
	for _, load := range after.sum() {
		found.Requests += load.Count
	}
	return found, nil
}
