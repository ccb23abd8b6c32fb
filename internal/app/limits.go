package app

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/limit/pgledger"
	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// openLimits makes the limiter. Servers of one PostgreSQL database share its counts there, or in Redis. An embedded database
// has one server, which counts by itself unless there is a Redis.
func (a *App) openLimits(ctx context.Context) {
	cfg := limit.Config{File: a.folder.limits(a.process().Node), Logger: a.cfg.Logger, Patience: a.cfg.limitPatience, Secret: a.Keys.Derive("limits")}
	switch {
	case !a.sharesLimits():
	case !a.cfg.Limits.IsZero():
		a.checkRedis(ctx)
		ledger := redisledger.New(a.cfg.Limits)
		cfg.Ledger, a.ledger = ledger, "Redis"
		a.services = append(a.services, service{"shared limits", ledger})
	case a.Store.Dialect() == sqlgen.Postgres:
		ledger := pgledger.New(a.Store)
		cfg.Ledger, a.ledger = ledger, "PostgreSQL"
		a.services = append(a.services, service{"shared limits", ledger})
	}
	a.limiter = limit.New(a.Rules.Model.Limits, cfg)
	a.services = append(a.services, service{"limits", a.limiter})
}

// redisTime bounds the first look at Redis.
const redisTime = 2 * time.Second

// checkRedis warns if Redis cannot keep limits. The server starts all the same, and counts by itself.
func (a *App) checkRedis(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, redisTime)
	defer cancel()
	if err := redisledger.Check(ctx, a.cfg.Limits); err != nil {
		a.cfg.Logger.Warn("limits are not shared with other servers until Redis works (--limits)", "error", err)
	}
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
