// Package health answers the probes of supervisors and load balancers.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A Check is one condition for requests to be sent to this server.
type Check struct {
	Name    string                      // for people: "database"
	Func    func(context.Context) error // returns why the condition fails, mostly as errs.Unavailable, or a Warning
	Figures func() []Figure             // measured by Func; nil: none
}

// A Figure is a number that a check has measured.
type Figure struct {
	Name  string // with its unit: age_seconds
	Value float64
}

// A Warning is a reason to look at the server. Requests may still be sent to it.
type Warning string

func (w Warning) Error() string { return string(w) }

// Routes returns /healthz and /readyz for everybody. Both are answered however many other requests are at work.
//
// /healthz says that the process is up. It asks nothing else: a restart would not mend a database. /readyz runs the checks and
// lists the results. If checks fail, it answers with the error of the first of them.
func Routes(checks ...Check) []web.Route { return routes(checks, false) }

// OperatorRoutes returns Routes with the figures of the checks.
func OperatorRoutes(checks ...Check) []web.Route { return routes(checks, true) }

func routes(checks []Check, figures bool) []web.Route {
	ready := func(w http.ResponseWriter, r *http.Request) error {
		results, failure := run(r.Context(), checks, figures)
		if failure != nil {
			failure.Checks = results
			return failure
		}
		body, err := json.Marshal(document{"ready", results})
		if err != nil {
			return err
		}
		return web.JSON(w, http.StatusOK, append(body, '\n'))
	}
	return []web.Route{
		{Pattern: "GET /healthz", Handler: up, Class: web.Probe},
		{Pattern: "GET /readyz", Handler: ready, Class: web.Probe},
	}
}

// A document is the answer of /readyz.
type document struct {
	Status string   `json:"status"`
	Checks []result `json:"checks"`
}

// The states of a result.
const (
	stateOK      = "ok"
	stateWarning = "warning"
	stateFailed  = "failed"
)

// A result is the outcome of a check.
type result struct {
	Name    string             `json:"name"`
	Status  string             `json:"status"`
	Reason  string             `json:"reason,omitempty"`
	Figures map[string]float64 `json:"figures,omitempty"`
}

// run runs the checks in order. failure is the error of the first that fails, nil if none does.
func run(ctx context.Context, checks []Check, figures bool) (results []result, failure *errs.Error) {
	results = make([]result, 0, len(checks))
	for _, check := range checks {
		err := check.Func(ctx)
		one := result{Name: check.Name, Status: stateOK}
		if warning, ok := errors.AsType[Warning](err); ok {
			one.Status, one.Reason = stateWarning, string(warning)
		} else if err != nil {
			failed := unavailable(err)
			one.Status, one.Reason = stateFailed, failed.Message
			if failure == nil {
				failure = failed
			}
		}
		if figures && check.Figures != nil {
			one.Figures = make(map[string]float64)
			for _, figure := range check.Figures() {
				one.Figures[figure.Name] = figure.Value
			}
		}
		results = append(results, one)
	}
	return results, failure
}

// unavailable returns an error of a check as errs.Unavailable, with a message that may be shown to everybody.
func unavailable(err error) *errs.Error {
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.Unavailable {
		shown := *e
		return &shown
	}
	return errs.Wrapf(err, errs.Unavailable, "The check failed: the log says why.")
}

func up(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, []byte(`{"status":"up"}`+"\n"))
}

// Problem runs the checks and says why the first that fails does, or "".
func Problem(ctx context.Context, checks []Check) string {
	_, failure := run(ctx, checks, false)
	if failure == nil {
		return ""
	}
	return failure.Message
}
