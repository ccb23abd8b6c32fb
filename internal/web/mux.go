package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Mux is http.ServeMux, with its patterns, for handlers that return errors. What it does not find is an error as well,
// never its plain text. It redirects one kind of path: one with a slash too many at its end. A path that is not clean
// (//api, /api/../x) is not found.
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
		if path, ok := m.withoutSlash(r); ok {
			return redirect(w, r, path)
		}
		return errs.New(errs.NotFound, "no such path")
	}
}

// withoutSlash returns the path of a request without the slash at its end, where a handler is there.
func (m *Mux) withoutSlash(r *http.Request) (string, bool) {
	trimmed, ok := strings.CutSuffix(r.URL.EscapedPath(), "/")
	if !ok || trimmed == "" || strings.HasSuffix(trimmed, "/") || strings.HasPrefix(trimmed, "//") {
		return "", false
	}
	other := r.Clone(r.Context())
	u, err := url.Parse(trimmed)
	if err != nil {
		return "", false
	}
	other.URL = u
	_, pattern := m.mux.Handler(other)
	return trimmed, pattern != "" && !strings.HasSuffix(pattern, "/")
}

// redirect answers 308, which keeps the method and the body. path begins with one slash, so it leads to this host.
func redirect(w http.ResponseWriter, r *http.Request, path string) error {
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", path)
	return Empty(w, http.StatusPermanentRedirect)
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
