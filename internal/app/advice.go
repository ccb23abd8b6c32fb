package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
)

// The files about advice in the data folder of a server: what its queries were, and the outcome of the last trial.
const (
	usageFile  = "queries.json"
	adviceFile = "advice.json"
)

// trialTime bounds the trials that a server makes of indexes. They take a core from its requests.
const trialTime = time.Minute

// openAdvice makes the server sum up its queries for Advise, and try indexes for them when an operator asks. An app that keeps
// no telemetry has neither.
func (a *App) openAdvice() {
	if a.cfg.Telemetry == NoTelemetry {
		return
	}
	trial := a.jobs.Job("index trial")
	recorder, err := advise.NewRecorder(filepath.Join(a.folder.path, usageFile), a.cfg.Now)
	if err != nil {
		a.cfg.Logger.Warn("recorded queries are given up", "error", err)
	}
	a.advice, err = advise.NewRunner(filepath.Join(a.folder.path, adviceFile), a.cfg.Now, func(ctx context.Context, progress func(string)) (report *advise.Report, err error) {
		err = trial.Do(ctx, func(ctx context.Context) error {
			report, err = a.tryIndexes(ctx, recorder.Usage(), progress)
			return err
		})
		return report, err
	})
	if err != nil {
		a.cfg.Logger.Warn("the last advice is given up", "error", err)
	}
	a.usage = recorder
	a.sinks = append(a.sinks, recorder)
	a.services = append(a.services, service{"recorded queries", recorder}, service{"advice", a.advice})
}

// tryIndexes is Advise inside the server. The model of the files must be the one that the database has.
func (a *App) tryIndexes(ctx context.Context, usage *advise.Usage, progress func(string)) (*advise.Report, error) {
	if len(usage.Shapes) == 0 {
		return nil, nil
	}
	m, err := modelOf(a.dir)
	if err != nil {
		return nil, err
	}
	cfg := AdviseConfig{Config: a.cfg, Budget: trialTime, Progress: progress, source: a.Store}
	cfg.Data = a.folder.path
	return cfg.run(ctx, a.dir, m, usage)
}
