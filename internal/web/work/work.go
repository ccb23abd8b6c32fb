// Package work serves jobs over HTTP: requests start them, and workers outside of the server lease them.
package work

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/request"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A Handler serves the routes of jobs.
type Handler struct {
	model    *model.Model
	starter  *request.Starter
	queue    *job.Queue
	due      func(context.Context, *job.Job) (bool, error)
	stopping context.Context
	stop     context.CancelFunc
}

// New returns the handlers for the jobs of a model. due reports whether a timer still holds: see start.Starter.Due.
func New(m *model.Model, starter *request.Starter, queue *job.Queue, due func(context.Context, *job.Job) (bool, error)) *Handler {
	h := &Handler{model: m, starter: starter, queue: queue, due: due}
	h.stopping, h.stop = context.WithCancel(context.Background())
	return h
}

// Stop ends the waits of workers for jobs: they get an empty answer. A server calls it when its own stop begins.
func (h *Handler) Stop() { h.stop() }

// StartRoutes returns the routes with which callers start jobs and ask for them: none for a model without such jobs.
func (h *Handler) StartRoutes() (routes []web.Route) {
	for _, j := range h.model.Jobs {
		if j.Enqueue != nil {
			routes = append(routes, web.Route{Pattern: "POST /jobs/" + j.Name, Handler: h.start(j), Doc: startDoc(j)})
		}
	}
	if len(routes) > 0 {
		routes = append(routes, web.Route{Pattern: "GET /jobs/{id}", Handler: h.get, Doc: getDoc()})
	}
	return routes
}

// Routes returns the routes: none for a model without jobs.
func (h *Handler) Routes() []web.Route {
	routes := h.StartRoutes()
	if !slices.ContainsFunc(h.model.Jobs, func(j *model.Job) bool { return j.Pull }) {
		return routes
	}
	return append(routes,
		web.Route{Pattern: "POST /jobs:lease", Handler: h.lease, Doc: leaseDoc()},
		web.Route{Pattern: "POST /jobs/{idAndVerb}", Handler: h.settle},
		web.Route{Pattern: "POST " + verbPath(doneVerb), Doc: doneDoc()},
		web.Route{Pattern: "POST " + verbPath(failVerb), Doc: failDoc()},
		web.Route{Pattern: "POST " + verbPath(extendVerb), Doc: extendDoc()},
		web.Route{Pattern: "POST " + verbPath(releaseVerb), Doc: releaseDoc()},
	)
}

// maxBody bounds a body in bytes: the arguments of a job, and run_at.
const maxBody = job.MaxArgs + 1024

// readMembers reads the object of a body. A request without a body has no members.
func readMembers(w http.ResponseWriter, r *http.Request) ([]value.Member, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	text, err := web.ReadBody(w, r, maxBody, "application/json")
	if err != nil {
		return nil, err
	}
	return value.DecodeObject(text)
}

// start serves POST /jobs/{name}.
func (h *Handler) start(j *model.Job) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		members, err := readMembers(w, r)
		if err != nil {
			return err
		}
		want := request.Request{Job: j}
		own := web.Record(r)
		want.Trace = telemetry.TraceContext{Trace: own.Trace, Span: own.Span, Sampled: own.Sampled}.Traceparent()
		if i := slices.IndexFunc(members, func(m value.Member) bool { return m.Name == "run_at" }); i >= 0 {
			if err := json.Unmarshal(members[i].Raw, &want.RunAt); err != nil || want.RunAt.Year() > 9999 {
				return memberFault("run_at", "it must be a time such as 2026-01-31T08:00:00Z")
			}
			members = slices.Delete(members, i, i+1)
		}
		want.Args = members
		started, err := h.starter.Start(r.Context(), web.Caller(r), want)
		if err != nil {
			return err
		}
		w.Header().Set("Location", "/jobs/"+started.ID)
		return answer(w, http.StatusAccepted, struct {
			ID    string `json:"id"`
			State string `json:"state"`
		}{started.ID, started.State})
	}
}

// state is how far a job has come, as its starter sees it. Errors of attempts are for the operators.
type state struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	State    string          `json:"state"`
	Attempt  int             `json:"attempt"`
	Tries    int             `json:"tries"`
	Created  time.Time       `json:"created_at"`
	RunAt    time.Time       `json:"run_at"`
	Finished *time.Time      `json:"finished_at"`
	Result   json.RawMessage `json:"result"`
}

// get serves GET /jobs/{id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) error {
	s, err := h.starter.State(r.Context(), web.Caller(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	out := state{
		ID: s.ID, Name: s.Name, State: s.State, Attempt: s.Attempt, Tries: s.Tries, Created: s.EnqueuedAt.UTC(), RunAt: s.RunAt.UTC(), Result: s.Result,
	}
	if !s.FinishedAt.IsZero() {
		finished := s.FinishedAt.UTC()
		out.Finished = &finished
	}
	return answer(w, http.StatusOK, out)
}

func answer(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return web.JSON(w, status, text)
}

func memberFault(name, detail string) error {
	e := errs.New(errs.Invalid, "the body has a fault")
	e.Faults = []errs.Fault{{Pointer: "/" + name, Code: "type", Detail: detail}}
	return e
}

// verbPath is a path that no pattern of http.ServeMux can say.
func verbPath(verb string) string { return "/jobs/{id}" + verb }
