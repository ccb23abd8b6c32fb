// Package health answers the probes of supervisors and load balancers.
package health

import (
	"context"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// A Check is one condition for requests to be sent to this server.
type Check struct {
	Name string                      // for people: "database"
	Func func(context.Context) error // returns why the condition fails, mostly as errs.Unavailable
}

// Routes returns /healthz and /readyz. Both are answered however many other requests are at work.
//
// /healthz says that the process is up. It asks nothing else: a restart would not mend a database. /readyz runs the checks
// in order and answers with the error of the first that fails.
func Routes(checks ...Check) []web.Route {
	ready := func(w http.ResponseWriter, r *http.Request) error {
		for _, check := range checks {
			if err := check.Func(r.Context()); err != nil {
				return err
			}
		}
		return web.JSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
	}
	return []web.Route{
		{Pattern: "GET /healthz", Handler: up, Class: web.Probe},
		{Pattern: "GET /readyz", Handler: ready, Class: web.Probe},
	}
}

func up(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, []byte(`{"status":"up"}`+"\n"))
}
