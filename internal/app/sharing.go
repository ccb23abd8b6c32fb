package app

import (
	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/telemetry/lookback"
	"github.com/ashlar-dev/ashlar/internal/telemetry/refusal"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// openSharing counts for the pages about limits and kept answers. It comes before the routes, and the counters that it reads come
// before the first request.
func (a *App) openSharing() {
	a.counts = lookback.New(a.cfg.Now, a.load)
	a.refused = refusal.New(a.Rules.Model.Limits)
	a.sinks = append(a.sinks, a.refused)
	a.services = append(a.services, service{"counts of the last hour", a.counts})
}

// sharing returns what the pages show.
func (a *App) sharing() *operation.Sharing {
	return &operation.Sharing{
		Model: a.Rules.Model, Ledger: a.ledger, Counts: a.counts, Refusals: a.refused, Names: a.accounts.service,
	}
}

// load reads the counters.
func (a *App) load() operation.Load {
	stats := a.limiter.Stats()
	load := operation.Load{
		Passed: a.limiter.Passed(), QueryRefused: a.Rows.Budget().Refusals, Forgotten: stats.Forgotten, AwaySince: a.limiter.AwaySince(),
		Bounds: a.bounded(), Kept: a.Rows.Kept(),
	}
	for i := range a.Rules.Model.Limits.Rules {
		load.Refused = append(load.Refused, a.limiter.Refused(i))
	}
	if a.counting {
		load.Answers = a.metrics.Answers()
	}
	return load
}

// bounded returns what clients share.
func (a *App) bounded() (all []operation.Bound) {
	for _, gate := range a.gates() {
		all = append(all, boundOf(gate.Name, gate.Stats()))
	}
	db := a.Store.Stats()
	for _, pool := range db.Pools {
		all = append(all, operation.Bound{
			Name: "pool " + pool.Name, Taken: int64(pool.InUse), Total: int64(pool.Size), Waiting: int64(pool.Waiting), Wait: pool.Wait, Refused: pool.Refused,
		})
	}
	if w := db.Writer; w.Queue > 0 {
		all = append(all, operation.Bound{
			Name: "writer", Taken: int64(w.Waiting), Total: int64(w.Queue), Waiting: int64(w.Waiting), Wait: w.Wait, Refused: w.Refused,
		})
	}
	return all
}

func boundOf(name string, stats admit.Stats) operation.Bound {
	return operation.Bound{
		Name: name, Taken: int64(stats.Taken), Total: int64(stats.Total), Waiting: int64(stats.Waiting), Wait: stats.Wait, Refused: stats.Refused,
	}
}
