package web

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Mux is http.ServeMux, with its patterns, for handlers that return errors. What it does not find is an error as well,
// never its plain text. It does not redirect: a path that is not clean (//api, /api/../x) is not found.
type Mux struct {
	mux http.ServeMux
}

// NewMux returns a Mux without patterns.
func NewMux() *Mux { return &Mux{} }

// Handle adds a handler. Patterns are those of http.ServeMux; it panics where one is wrong or contradicts another.
func (m *Mux) Handle(pattern string, h Handler) { m.mux.Handle(pattern, route(h)) }

// Serve is the Handler that calls the one whose pattern matches.
func (m *Mux) Serve(w http.ResponseWriter, r *http.Request) error {
	p := probe{real: w}
	m.mux.ServeHTTP(&p, r)
	switch {
	case p.found:
		return p.err
	case p.status == http.StatusMethodNotAllowed:
		allow := strings.Split(p.header.Get("Allow"), ", ")
		return &errs.Error{Kind: errs.MethodNotAllowed, Allow: allow, Message: "the methods here are " + strings.Join(allow, ", ")}
	default: // 404, a redirect to a clean path, or the 400 of a request for *
		r.Pattern = ""
		return errs.New(errs.NotFound, "no such path")
	}
}

// route is a Handler as http.ServeMux takes it. The ResponseWriter that it gets is the probe of Serve.
type route Handler

func (h route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := w.(*probe)
	p.found = true
	p.err = h(p.real, r)
}

// probe catches what http.ServeMux itself answers.
type probe struct {
	real   http.ResponseWriter
	found  bool
	err    error
	header http.Header
	status int
}

func (p *probe) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (p *probe) WriteHeader(status int) { p.status = status }

func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
