package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
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

// Serve starts the services and answers the connections of ln until ctx ends. It stops in reverse order: it finishes the
// requests in flight, stops the services, closes the database and releases the data folder. It closes ln and the App.
func (a *App) Serve(ctx context.Context, ln net.Listener) error {
	handler, err := a.Handler()
	if err != nil {
		return errors.Join(err, ln.Close(), a.Close())
	}
	services := background.NewServices(a.cfg.Logger)
	for _, s := range a.services {
		services.Start(s.name, s)
	}
	err = web.Serve(ctx, ln, handler, web.ServerConfig{
		HeaderTimeout: a.cfg.HeaderTimeout,
		ReadTimeout:   a.cfg.ReadTimeout,
		WriteTimeout:  a.cfg.WriteTimeout,
		IdleTimeout:   a.cfg.IdleTimeout,
		Grace:         a.cfg.Grace,
		OnStop:        func() { a.stopping.Store(true) },
		Logger:        a.cfg.Logger,
	})
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Grace)
	defer cancel()
	return errors.Join(err, services.Stop(grace), a.Close())
}

// Handler returns the handler for the requests of the app.
func (a *App) Handler() (http.Handler, error) {
	receiver, err := web.NewReceiver(web.Config{
		Logger:        a.cfg.Logger,
		Sinks:         a.sinks,
		Identify:      a.identify,
		MaxConcurrent: a.cfg.MaxConcurrent,
		CORS:          a.cfg.CORS,
		Proxies:       a.cfg.Proxies,
	})
	if err != nil {
		return nil, err
	}
	return receiver.Handler(web.NewMux(a.routes...)), nil
}

// allRoutes returns the routes of the app.
func (a *App) allRoutes() []web.Route {
	data, accounts := api.New(a.Rows, a.Rules.Model).Routes(), a.accountRoutes()
	return slices.Concat(
		home.Routes(a.Rules, a.cfg.Version),
		health.Routes(a.checks()...),
		web.ProblemRoutes(),
		accounts,
		a.consoleRoutes(),
		data,
		openapi.Routes(a.Rules, slices.Concat(data, accounts)),
	)
}

// checks returns the conditions for requests to be sent here.
func (a *App) checks() []health.Check {
	running := health.Check{Name: "running", Func: func(context.Context) error {
		if a.stopping.Load() {
			return errs.New(errs.Unavailable, "The server is stopping.")
		}
		return nil
	}}
	return append([]health.Check{running}, health.Database(a.Store)...)
}
