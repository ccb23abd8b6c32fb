package app

import (
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/limit/pgledger"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// openLimits makes the limiter. Servers of one PostgreSQL database share its counts. An embedded database has one server,
// which counts by itself.
func (a *App) openLimits() {
	cfg := limit.Config{File: a.folder.limits(a.process().Node), Logger: a.cfg.Logger, Patience: a.cfg.limitPatience}
	if a.Store.Dialect() == sqlgen.Postgres && a.sharesLimits() {
		ledger := pgledger.New(a.Store)
		cfg.Ledger, cfg.Secret = ledger, a.Keys.Derive("limits")
		a.services = append(a.services, service{"shared limits", ledger})
	}
	a.limiter = limit.New(a.Rules.Model.Limits, cfg)
	a.services = append(a.services, service{"limits", a.limiter})
}

// sharesLimits reports whether a limit has a rate. Requests at work are counted by each server.
func (a *App) sharesLimits() bool {
	for i := range a.Rules.Model.Limits.Rules {
		if len(a.Rules.Model.Limits.Rules[i].Rates) > 0 {
			return true
		}
	}
	return false
}
