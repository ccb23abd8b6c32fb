package app

import (
	"context"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/systemd"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/health"
	"github.com/ashlar-dev/ashlar/internal/web/operate"
)

// openHealth makes the checks of /readyz, with the services that they need.
func (a *App) openHealth() {
	probe := health.NewWriteProbe(a.Store)
	running := health.Check{Name: "running", Func: func(context.Context) error {
		if a.stopping.Load() && !a.cfg.HandedOver() { // after a hand-over nobody should turn to another server
			return errs.New(errs.Unavailable, "The server is stopping.")
		}
		return nil
	}}
	database := health.Database(a.Store)
	a.checks = append([]health.Check{running}, database...)
	a.writes = probe.Check()
	a.checks = append(a.checks, probe.Check(), health.Tables(a.compareTables), health.Disk(a.cfg.Data, a.cfg.Database == ""))
	a.services = append(a.services, service{"write probe", probe})
	if a.cfg.Notifier.Watchdog() > 0 {
		a.services = append(a.services, service{"watchdog", systemd.Watchdog{Notifier: a.cfg.Notifier, Alive: a.alive(database[0]), Logger: a.cfg.Logger}})
	}
}

// alive returns the condition for pings to the watchdog: the embedded database answers. A restart mends a database server that
// cannot be reached no more than it mends a network. So then it is enough that the question ends.
func (a *App) alive(database health.Check) func(context.Context) error {
	return func(ctx context.Context) error {
		err := database.Func(ctx)
		if a.cfg.Database != "" {
			return nil
		}
		return err
	}
}

// compareTables returns what is wrong if somebody has migrated the database to a model that this server cannot run with.
func (a *App) compareTables(ctx context.Context) error {
	changes, isNew, err := migrate.Differences(ctx, a.Store, a.Rules.Model)
	if err != nil {
		return health.Warning("The tables could not be compared with the model.")
	}
	if len(changes) == 0 && !isNew {
		return nil
	}
	if ahead, err := migrate.IsSafelyAhead(ctx, a.Store, a.Rules.Model); err == nil && ahead {
		return health.Warning("The database has a newer model that this server can run with.")
	}
	return errs.New(errs.Unavailable, "The tables of the database are not those of this server's model: it was migrated. Restart the server with the new model.")
}

// serveOperate answers the connections of the operate listener until the function that it returns is called. An answer knows
// all requests that were answered before.
func (a *App) serveOperate(ctx context.Context) (stop func(), err error) {
	own := a.cfg.Operate
	if own.Listener == nil {
		return func() {}, nil
	}
	handler, err := operate.Handler(operate.Config{
		Metrics: a.metrics.Handler(),
		Traces:  a.Traces,
		Profile: a.Profile,
		Health:  health.OperatorRoutes(a.checks...),
		Token:   own.Token,
		Hosts:   own.Hosts,
		Logger:  a.cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	flushed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.flushRecords()
		handler.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	server := operate.Server(a.cfg.Logger)
	server.HandedOver = a.cfg.HandedOver
	serve := func() error { return web.Serve(ctx, own.Listener, flushed, server) }
	background.Go("the operate listener", serve, func(err error) {
		if err != nil { // the app goes on without the listener; a profile that was cut at the end is nobody's loss
			a.cfg.Logger.Warn("the operate listener has ended", "error", err)
		}
		close(ended)
	})
	return func() {
		cancel()
		<-ended
	}, nil
}

// notify logs that the service manager did not get a message. The server goes on.
func (a *App) notify(err error) {
	if err != nil {
		a.cfg.Logger.Warn("the service manager did not get a message", "error", err)
	}
}

// keepStarting asks the service manager for time until the function that it returns is called: a start may change large tables.
func (a *App) keepStarting(ctx context.Context) (started func()) {
	if a.cfg.Notifier == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := background.Async("the wait for the start", func() error { return a.cfg.Notifier.KeepExtending(ctx) })
	return func() {
		cancel()
		a.notify(<-ended)
	}
}
