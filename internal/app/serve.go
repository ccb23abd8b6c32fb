package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/api"
	"github.com/ashlar-dev/ashlar/internal/web/health"
	"github.com/ashlar-dev/ashlar/internal/web/home"
	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

// A service is background work of an app under its name in the log.
type service struct {
	name string
	background.Service
}

// recordsService is the name of the service that hands on the records of requests.
const recordsService = "records"

// Serve starts the services and answers the connections of ln until ctx ends. It stops in reverse order: it finishes the
// requests in flight, stops the services and the operate listener, closes the database and releases the data folder. It closes
// ln and the App.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	handler, err := a.Handler()
	if err != nil {
		return errors.Join(err, ln.Close(), a.Close())
	}
	stopRedirect := a.serveRedirect(context.WithoutCancel(ctx), ln.Addr())
	defer stopRedirect() // again after an error; a second call does nothing
	stopOperate, err := a.serveOperate(context.WithoutCancel(ctx))
	if err != nil {
		return errors.Join(err, ln.Close(), a.Close())
	}
	a.taking = telemetry.NewSinks(a.cfg.Logger, a.sinks...)
	services := background.NewServices(a.cfg.Logger)
	for _, s := range a.services {
		services.Start(s.name, s)
	}
	services.Start("turns of requests", a.receiver.Load().Turns())
	services.Start(recordsService, a.receiver.Load().Records()) // stops before the sinks do
	a.notify(a.cfg.Notifier.Ready("serving " + a.Rules.Model.Name))
	a.startProbe(services, handler)
	var relays []netip.Prefix
	if a.cfg.ProxyProtocol {
		relays = a.cfg.Proxies
	}
	err = web.Serve(ctx, ln, handler, web.ServerConfig{
		HeaderTimeout: a.cfg.HeaderTimeout,
		ReadTimeout:   a.cfg.ReadTimeout,
		WriteTimeout:  a.cfg.WriteTimeout,
		IdleTimeout:   a.cfg.IdleTimeout,
		Grace:         a.cfg.Grace,
		LameDuck:      a.cfg.LameDuck,
		OnStop:        a.beginStop,
		OnDrain:       a.drain,
		Shared:        a.cfg.SharedListener,
		HandedOver:    a.cfg.HandedOver,
		Logger:        a.cfg.Logger,
		Relays:        relays,
		TLS:           a.tlsConfig(),
		Bounds:        a.bounds,
		Traffic:       &a.traffic,
		Known:         a.known(),
	})
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Grace)
	defer cancel()
	err = errors.Join(err, services.Stop(grace))
	stopRedirect()
	stopOperate()
	return errors.Join(err, a.Close())
}

// beginStop makes the readiness fail. All is served on for the lame duck time.
func (a *App) beginStop() {
	a.stopping.Store(true)
	a.roster.Tell()
	a.notify(a.cfg.Notifier.Stopping())
	a.notify(a.cfg.Notifier.Extend(a.cfg.LameDuck + 2*a.cfg.Grace + 10*time.Second))
}

// drain gives leased jobs back and ends the streams, which do not end by themselves.
func (a *App) drain() {
	if a.workers != nil {
		a.workers.Stop()
	}
	a.hub.Stop()
}

// Handler returns the handler for the requests of the app.
func (a *App) Handler() (http.Handler, error) {
	receiver, err := web.NewReceiver(web.Config{
		Logger:        a.cfg.Logger,
		Lines:         a.lines(),
		Sinks:         a.sinks,
		Sample:        a.sample(),
		Identify:      a.identify,
		Limits:        a.limiter,
		MaxConcurrent: a.cfg.MaxConcurrent,
		CORS:          a.cfg.CORS,
		Proxies:       a.cfg.Proxies,
		Forwarded:     a.cfg.Forwarded,
		Relayed:       a.cfg.ProxyProtocol,
		Labels:        a.labels,
		Base:          a.base,
	})
	if err != nil {
		return nil, err
	}
	a.receiver.Store(receiver)
	a.inside.Store(receiver.Inside(web.NewMux(a.ownRoutes...)))
	return receiver.Handler(web.NewMux(a.routes...)), nil
}

// allRoutes returns the routes of the app.
func (a *App) allRoutes() []web.Route {
	rows := api.New(a.Rows, a.Rules.Model)
	a.answers = rows.Answers
	data, described := a.followed(rows.Routes())
	accounts, jobs := a.accountRoutes(), append(a.jobRoutes(), a.webhookRoutes()...)
	a.ownRoutes = append(rows.Routes(), a.workers.StartRoutes()...)
	return slices.Concat(
		home.Routes(a.Rules, a.cfg.Version),
		health.Routes(a.checks...),
		web.ProblemRoutes(),
		accounts,
		a.underOwnNames(a.consoleRoutes()),
		data,
		jobs,
		openapi.Routes(a.Rules, slices.Concat(described, accounts, jobs), a.base),
	)
}
