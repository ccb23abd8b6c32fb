package alert

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// A Sender sends alerts to the targets of a model. A target that is away holds up neither the others nor the server.
type Sender struct {
	cfg     Config
	claims  *claims
	targets []*target
	events  chan Alert
	firing  map[string]Alert // on this node; only Run uses it after Resume
}

const (
	claimTime = 5 * time.Second
	stopTime  = 3 * time.Second
)

// NewSender returns a sender. The targets have the values of their settings.
func NewSender(targets []model.AlertTarget, cfg Config) *Sender {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Egress == nil {
		cfg.Egress = outbound.New(outbound.Config{})
	}
	s := &Sender{cfg: cfg, claims: newClaims(cfg), events: make(chan Alert, maxWaiting), firing: map[string]Alert{}}
	for i := range targets {
		s.targets = append(s.targets, newTarget(&targets[i], cfg))
	}
	return s
}

// Send sends an alert soon. It never waits.
func (s *Sender) Send(a Alert) {
	select {
	case s.events <- a:
	default:
		s.cfg.Logger.Error("an alert is lost: too many wait", "alert", a.Key, "firing", a.Firing)
	}
}

// Resume takes the alerts that fired before a restart of the server. The targets know them already. It comes before Run.
func (s *Sender) Resume(alerts ...Alert) {
	for _, a := range alerts {
		s.firing[a.Key] = a
	}
}

// Run sends alerts until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	if len(s.targets) == 0 { // nobody to tell
		return s.discard(ctx)
	}
	services := background.NewServices(s.cfg.Logger)
	for _, t := range s.targets {
		services.Start("alerts to "+t.name, t)
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		_ = services.Stop(grace) // a target that hangs ends with its attempt
	}()
	beats := time.NewTicker(beatPause)
	defer beats.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-s.events:
			s.decide(ctx, a)
		case <-beats.C:
			s.beat(ctx)
		}
	}
}

func (s *Sender) discard(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.events:
		}
	}
}

// decide sends an alert unless another node tells about it. Without the database nobody can ask, and the alert may be about
// the database. So then each node sends.
func (s *Sender) decide(ctx context.Context, a Alert) {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	claim := s.claims.end
	if a.Firing {
		s.firing[a.Key] = a
		claim = s.claims.begin
	} else {
		delete(s.firing, a.Key)
	}
	mine, err := claim(ctx, a)
	if err != nil {
		s.cfg.Logger.Warn("an alert is sent without asking the other nodes", "alert", a.Key, "error", err)
		mine = true
	}
	s.push(a, mine)
}

// push hands an alert to the targets. An Alertmanager gets firing alerts from each node, and repeatedly. It finds the same
// alert by its labels, and forgets an alert that nobody repeats.
func (s *Sender) push(a Alert, mine bool) {
	for _, t := range s.targets {
		if mine || (t.repeats && a.Firing) {
			t.push(a)
		}
	}
}

// beat tells the other nodes about the alerts that still fire here. It tells the targets about the alerts of nodes that are
// gone.
func (s *Sender) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	keys := make([]string, 0, len(s.firing))
	for key := range s.firing {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		s.push(s.firing[key], false)
	}
	ended, err := s.claims.beat(ctx, keys, s.firing)
	if err != nil {
		s.cfg.Logger.Warn("the other nodes were not told which alerts fire here", "error", err)
	}
	for _, a := range ended {
		s.push(a, true)
	}
}
