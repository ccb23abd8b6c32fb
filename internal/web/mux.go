package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Mux is an http.ServeMux for handlers that return errors. A path without a handler is an error too, never the plain
// text of http.ServeMux. A Mux redirects only a path with one extra slash at its end. A path that is not clean, such as
// //api or /api/../x, is not found.
type Mux struct {
	mux    http.ServeMux
	probes []string // paths of the routes of class Probe
}

// NewMux returns a Mux with routes. It panics if a pattern is invalid or conflicts with another.
func NewMux(routes ...Route) *Mux {
	m := &Mux{}
	for _, route := range routes {
		m.add(route)
	}
	return m
}

func (m *Mux) add(route Route) {
	if route.Handler == nil {
		return
	}
	m.mux.Handle(route.Pattern, adapter{route.Handler, route.Operation})
	if route.Class == Probe {
		_, path, _ := strings.Cut(route.Pattern, " ")
		m.probes = append(m.probes, path)
	}
}

func (m *Mux) isProbe(path string) bool { return slices.Contains(m.probes, path) }

// Serve is the Handler that calls the handler of the matching route.
func (m *Mux) Serve(w http.ResponseWriter, r *http.Request) error {
	var rec *recorder
	x := exchangeOf(r)
	if x != nil {
		rec = &x.routing
	} else {
		rec = new(recorder)
	}
	rec.inner = w
	m.mux.ServeHTTP(rec, r)
	if rec.found {
		return rec.err
	}
	r.Pattern = ""
	if err := x.admit(w, r, ""); err != nil {
		return err
	}
	switch {
	case rec.status == http.StatusMethodNotAllowed:
		return MethodNotAllowed(strings.Split(rec.Header().Get("Allow"), ", "))
	default: // 404, a redirect to a clean path, or the 400 of a request for *
		if path, ok := m.withoutSlash(r); ok {
			return redirect(w, r, path)
		}
		return errs.New(errs.NotFound, "no such path")
	}
}

// MethodNotAllowed returns the error for a path that has only these methods.
func MethodNotAllowed(allow []string) error {
	return &errs.Error{Kind: errs.MethodNotAllowed, Allow: allow, Message: "the methods here are " + strings.Join(allow, ", ")}
}

// withoutSlash returns the path of a request without its last slash, if a route is there.
func (m *Mux) withoutSlash(r *http.Request) (string, bool) {
	trimmed, ok := strings.CutSuffix(r.URL.EscapedPath(), "/")
	if !ok || trimmed == "" || strings.HasSuffix(trimmed, "/") || strings.HasPrefix(trimmed, "//") {
		return "", false
	}
	other := r.Clone(r.Context())
	address, err := url.Parse(trimmed)
	if err != nil {
		return "", false
	}
	other.URL = address
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

// adapter makes an http.Handler of the Handler of a route. Its ResponseWriter is the recorder of Serve.
type adapter struct {
	handler   Handler
	operation model.Operation
}

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := w.(*recorder)
	rec.found = true
	if x := exchangeOf(r); x != nil {
		x.label(r.Pattern, "", "")
		if rec.err = x.admit(rec.inner, r, a.operation); rec.err != nil {
			return
		}
	}
	rec.err = a.handler(rec.inner, r)
}

// recorder catches the answers of http.ServeMux itself, and the errors of handlers.
type recorder struct {
	inner  http.ResponseWriter
	found  bool
	err    error
	header http.Header
	status int
}

func (rec *recorder) Header() http.Header {
	if rec.header == nil {
		rec.header = http.Header{}
	}
	return rec.header
}

func (rec *recorder) WriteHeader(status int) { rec.status = status }

func (rec *recorder) Write(out []byte) (int, error) { return len(out), nil }
