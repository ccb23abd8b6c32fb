package operate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// maxTraces bounds the traces of an answer.
const maxTraces = 1000

// traceRoutes returns the paths that show the traces in memory.
func traceRoutes(traces *trace.Traces) []web.Route {
	return []web.Route{
		{Pattern: "GET /debug/traces", Handler: func(w http.ResponseWriter, r *http.Request) error {
			filter, err := traceFilter(r)
			if err != nil {
				return err
			}
			return answer(w, struct {
				Traces []trace.Trace `json:"traces"`
			}{traces.Recent(filter)})
		}},
		{Pattern: "GET /debug/traces/{id}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			found, ok := traces.ByID(r.PathValue("id"))
			if !ok {
				return errs.New(errs.NotFound, "no trace in memory has this id: give an X-Request-Id, or a trace id")
			}
			return answer(w, found)
		}},
	}
}

func answer(w http.ResponseWriter, what any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, body)
}

func traceFilter(r *http.Request) (f trace.Filter, err error) {
	query := r.URL.Query()
	f = trace.Filter{
		Route: query.Get("route"), Table: query.Get("table"), Operation: query.Get("operation"), Caller: query.Get("caller"), Statement: query.Get("statement"),
	}
	for name, to := range map[string]*bool{"failed": &f.Failed, "slow": &f.Slow} {
		if text := query.Get(name); text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return f, errs.New(errs.Malformed, "%s must be true or false", name)
			}
		}
	}
	if text := query.Get("at_least"); text != "" {
		if f.AtLeast, err = time.ParseDuration(text); err != nil {
			return f, errs.New(errs.Malformed, "at_least must be a duration, such as 50ms")
		}
	}
	if text := query.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxTraces {
			return f, errs.New(errs.Malformed, "limit must be a number from 1 to %d", maxTraces)
		}
	}
	return f, nil
}
