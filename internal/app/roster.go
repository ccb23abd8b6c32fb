package app

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/web/health"
)

// openRoster lists the servers of the database, for the page Nodes. An embedded database has one, and without telemetry a
// server writes nothing about itself.
func (a *App) openRoster() {
	process := a.process()
	process.Node = a.instance()
	cfg := fleet.RosterConfig{Process: process, Live: a.live, Points: a.readPoints, Logger: a.cfg.Logger, Now: a.cfg.Now}
	if a.Store.Dialect() == sqlgen.Postgres && a.cfg.Telemetry != NoTelemetry {
		cfg.Store = a.Store
	}
	a.roster = fleet.NewRoster(cfg)
	// The first services stop last, so that the others see that this server stops until it is gone.
	a.services = append([]service{{"roster", a.roster}}, a.services...)
}

// live says how this server is doing.
func (a *App) live(ctx context.Context) fleet.Live {
	live := fleet.Live{Address: a.cfg.LocalURL, State: fleet.Ready}
	if problem := health.Problem(ctx, a.checks); problem != "" {
		live.State, live.Problem = fleet.NotReady, problem
	}
	if a.stopping.Load() {
		live.State, live.Problem = fleet.Stopping, ""
	}
	if a.backups != nil {
		for _, kind := range a.backups.Status().Kinds {
			if kind.RunningOn == a.instance() {
				live.Work = append(live.Work, kind.Kind)
			}
		}
	}
	return live
}
