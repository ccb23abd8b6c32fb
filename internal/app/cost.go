package app

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// openCost begins to count what the work of the app costs, if there is a telemetry database to keep it.
func (a *App) openCost() {
	if a.Archive == nil {
		return
	}
	a.Costs = cost.New(cost.Config{
		Archive: a.Archive,
		Prices:  a.Operate.Costs,
		CPU:     profile.ProcessTime,
		Traffic: a.traffic.Bytes,
		Storage: func(ctx context.Context) ([]cost.Storage, error) { return storageOf(ctx, a.Store) },
		Logger:  a.cfg.Logger,
		Now:     a.cfg.Now,
	})
	a.sinks = append(a.sinks, a.Costs)
	a.services = append(a.services, service{"cost", a.Costs})
}

// storageOf returns the space of the tables of a database.
func storageOf(ctx context.Context, db store.Sizer) ([]cost.Storage, error) {
	sizes, err := db.Sizes(ctx)
	if err != nil {
		return nil, err
	}
	list := []cost.Storage{{Table: cost.NoTable, Stored: cost.Stored{Rows: sizes.Rest}}}
	for _, t := range sizes.Tables {
		list = append(list, cost.Storage{Table: t.Table, Stored: cost.Stored{Rows: t.Rows, Indexes: t.Indexes}})
	}
	return list, nil
}

// profiled takes the CPU time of a profile that has ended.
func (a *App) profiled(usage []profile.Usage) {
	if a.Costs != nil {
		a.flushRecords() // so that requests and CPU time are of the same minute
		a.Costs.Profiled(costUsage(usage))
	}
}

// costUsage says how CPU time is shared among routes and jobs.
func costUsage(usage []profile.Usage) []cost.Usage {
	list := make([]cost.Usage, len(usage))
	for i, u := range usage {
		list[i] = cost.Usage{Route: u.Route, Table: u.Table, Operation: u.Operation, Key: u.Key, Job: u.Job, Part: u.Rest, CPU: u.CPU}
		switch {
		case u.Rest == profile.Collector, u.Rest == profile.Scheduler:
			list[i].Way = cost.ByCPU
		case u.Rest == profile.Connections:
			list[i].Way = cost.ByUnit
		case u.Job == recordsService: // it works for each request
			list[i] = cost.Usage{Part: recordsService, Way: cost.ByUnit, CPU: u.CPU}
		}
	}
	return list
}

// Cost returns what an app cost between two times, as its telemetry database says. A server may be running.
func Cost(ctx context.Context, loaded *Loaded, cfg Config, from, to time.Time) (report cost.Report, err error) {
	cfg = cfg.withDefaults(loaded.Dir)
	found, err := archive.OpenReader(filepath.Join(cfg.Data, archive.FileName))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	return cost.Read(ctx, found, loaded.Rules.Model.Operate.Costs, from, to)
}
