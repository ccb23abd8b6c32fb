// Package operate serves the operate listener: metrics, health and profiles, for the people and programs that run an app.
//
// The listener is open to this machine alone, unless it has a token. A browser on this machine runs pages of strangers, who can
// point a name of their own at the listener (DNS rebinding). So each request must also ask for a name that the listener has, and
// come from no page of elsewhere.
package operate

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Config configures the operate listener. With the zero value it answers this machine, and has profiles only.
type Config struct {
	Metrics http.Handler      // answers /metrics; nil: there is no such path
	Traces  *trace.Traces     // shown under /debug/traces; nil: there is no such path
	Profile *profile.Recorder // shown under /debug/profile; nil: there is no such path
	Health  []web.Route       // answered without a token, so that supervisors need none
	Token   telemetry.Secret  // bearer token of everything else; "": only this machine is answered, and no token is taken
	Hosts   []string          // further names of the listener, in lower case; the names of this machine are always among them
	Logger  *slog.Logger      // gets a line for each refused or failed request; default: no log
}

// Limits of the listener. A profile takes up to a minute.
const (
	maxConcurrent = 16
	handlerTime   = maxProfile + 15*time.Second
)

// Handler returns the handler of the operate listener.
func Handler(cfg Config) (http.Handler, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &door{hosts: cfg.Hosts, token: string(cfg.Token)}
	receiver, err := web.NewReceiver(web.Config{
		MaxConcurrent: maxConcurrent,
		Timeout:       handlerTime,
		Explain:       true,
		Sinks:         []telemetry.Sink{refusals{cfg.Logger}},
	})
	if err != nil {
		return nil, err
	}
	routes := slices.Concat(d.guard(d.checkAddress, cfg.Health), d.guard(d.checkAll, profileRoutes(cfg.Profile)))
	if cfg.Traces != nil {
		routes = append(routes, d.guard(d.checkAll, traceRoutes(cfg.Traces))...)
	}
	if cfg.Profile != nil {
		routes = append(routes, d.guard(d.checkAll, recordedRoutes(cfg.Profile))...)
	}
	if cfg.Metrics != nil {
		routes = append(routes, d.guard(d.checkAll, []web.Route{{Pattern: "GET /metrics", Handler: serve(cfg.Metrics)}})...)
	}
	return receiver.Handler(web.NewMux(routes...)), nil
}

// serve returns an http.Handler as a Handler. It answers its errors itself.
func serve(h http.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// Server returns the settings of the server for Handler. Its limits are its own: the requests of the app take nothing from it.
func Server(logger *slog.Logger) web.ServerConfig {
	return web.ServerConfig{
		HeaderTimeout: 5 * time.Second,
		ReadTimeout:   10 * time.Second,
		WriteTimeout:  handlerTime + 5*time.Second,
		IdleTimeout:   2 * time.Minute,
		MaxHeader:     16 << 10,
		Grace:         time.Second,
		Name:          "the operate listener",
		Logger:        logger,
	}
}

// A door decides who may ask.
type door struct {
	hosts []string
	token string
}

func (d *door) guard(check func(*http.Request) error, routes []web.Route) []web.Route {
	guarded := slices.Clone(routes)
	for i, route := range routes {
		guarded[i].Handler = func(w http.ResponseWriter, r *http.Request) error {
			if err := check(r); err != nil {
				return err
			}
			return route.Handler(w, r)
		}
	}
	return guarded
}

func (d *door) checkAll(r *http.Request) error {
	if err := d.checkAddress(r); err != nil {
		return err
	}
	return d.checkToken(r)
}

// checkAddress refuses requests of pages that do not belong to the listener, and requests for names that are not its own.
func (d *door) checkAddress(r *http.Request) error {
	if !d.hasName(r) {
		return errs.New(errs.Forbidden, "the operate listener has no such name: ask for the name of this machine, or list the name with --operate-host")
	}
	if !isOwnOrigin(r) {
		return errs.New(errs.Forbidden, "pages of other origins may not ask the operate listener")
	}
	return nil
}

// hasName reports whether the request asks for a name of this machine, for the address that it has reached, or for a listed
// name. An address cannot be pointed elsewhere, as a name can.
func (d *door) hasName(r *http.Request) bool {
	if web.IsLoopback(r.Host) {
		return true
	}
	host := web.HostName(r.Host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return slices.Contains(d.hosts, host) || (ok && host == web.HostName(local.String()))
}

// isOwnOrigin reports whether the request comes from no page, or from one of the listener. Browsers send Origin or
// Sec-Fetch-Site with each request that a page makes; for a plain GET to another site some of them send only the second.
func isOwnOrigin(r *http.Request) bool {
	for _, origin := range r.Header["Origin"] {
		_, host, ok := strings.Cut(origin, "://")
		if !ok || !strings.EqualFold(host, r.Host) {
			return false
		}
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "none" || site == "same-origin"
}

// checkToken refuses requests without the token of the listener. Tokens and keys of users are refused too, also where no token
// is needed: a program that sends one has the wrong address.
func (d *door) checkToken(r *http.Request) error {
	given, err := web.BearerToken(r)
	if err != nil {
		return err
	}
	switch {
	case d.token == "" && given != "":
		return errs.New(errs.Unauthenticated, "the operate listener takes no tokens of users: send none, or start the server with --operate-token")
	case d.token == "" && !web.IsLocal(r):
		return errs.New(errs.Unauthenticated, "without --operate-token the operate listener answers only this machine, and no proxies")
	case d.token != "" && !equal(given, d.token):
		return errs.New(errs.Unauthenticated, "send the token of --operate-token as a bearer token")
	}
	return nil
}

// equal compares in a time that tells nothing about the token, not even its length.
func equal(given, token string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// refusals logs requests that were refused or failed. Answered requests would fill the log: Prometheus asks every 15
// seconds, and supervisors ask more often.
type refusals struct{ log *slog.Logger }

// Take implements telemetry.Sink.
func (s refusals) Take(r *telemetry.Record) {
	isProbe := r.Problem == errs.Unavailable && r.Path == "/readyz" // the engine logs its outage itself
	if refused := r.Problem == errs.Unauthenticated || r.Problem == errs.Forbidden; refused || (r.Failed() && !isProbe) {
		r.Log(s.log.With("listener", "operate"))
	}
}
