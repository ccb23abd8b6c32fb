package incident

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// Objectives are the objectives of an app. *objective.Service is one.
type Objectives interface {
	Firing() []objective.Alert
	Losses(from, to time.Time) []objective.Loss
}

// Config tunes a Service. Its zero value works.
type Config struct {
	Operate *model.Operate   // of the model; default: model.DefaultOperate
	Logger  *slog.Logger     // default: no log
	Now     func() time.Time // default: time.Now
}

// A Service keeps the incidents of an app. It is safe for concurrent use.
type Service struct {
	archive    *archive.Archive
	objectives Objectives
	cfg        Config
	wake       chan struct{}

	changing sync.Mutex // held by whoever changes incidents

	reading sync.Mutex // held by whoever analyses one
	recent  cached
}

// cached is the last report.
type cached struct {
	report Report
	at     time.Time
}

// New returns the service of the incidents in an archive.
func New(a *archive.Archive, objectives Objectives, cfg Config) *Service {
	cfg.Operate = cmp.Or(cfg.Operate, model.DefaultOperate())
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{archive: a, objectives: objectives, cfg: cfg, wake: make(chan struct{}, 1)}
}

// warn logs an error, if there is one.
func (s *Service) warn(message string, err error) {
	if err != nil {
		s.cfg.Logger.Warn(message, "error", err)
	}
}
