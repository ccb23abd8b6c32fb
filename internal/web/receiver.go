// Package web receives HTTP requests: it identifies the caller, turns errors into problem documents and logs one line per
// request.
package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// A Handler answers a request or returns an error. It returns an error before it writes anything. A later error
// aborts the connection, so that no client takes half an answer for a whole one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Config configures a Receiver. With the zero value all callers are anonymous and nothing is logged.
type Config struct {
	Logger        *slog.Logger                               // gets one line per request; default: no log
	Lines         telemetry.Lines                            // which requests get a line; default: all
	Sinks         []telemetry.Sink                           // get the record of each request, after the log: see Records
	Sample        func(telemetry.TraceID) bool               // decides whether a trace that begins here is sampled; default: each is
	Identify      func(*http.Request) (caller.Caller, error) // returns the caller of a request; default: anonymous
	Limits        *limit.Limiter                             // how often clients may ask; default: as often as they want
	MaxConcurrent int                                        // requests at work at once; further ones get 503; default: 1024
	Timeout       time.Duration                              // deadline of a request's context; default: 30 s
	CORS          []string                                   // origins with pages that may read answers, such as https://app.example.com
	Proxies       []netip.Prefix                             // networks of the proxies that name the client
	Forwarded     bool                                       // they name it in Forwarded (RFC 7239); default: in X-Forwarded-For
	Relayed       bool                                       // they speak the PROXY protocol: no request is of this machine
	Explain       bool                                       // answers say what was not found: only where callers may see everything
	Base          string                                     // path of the public address, from model.PublicPath; default: the app is at the root of its host
	Labels        *profile.Labeler                           // labels the goroutines of requests for profiles; default: none are labelled
}

// A Receiver receives requests for the routes of a mux.
type Receiver struct {
	records  *telemetry.Batcher
	sample   func(telemetry.TraceID) bool
	identify func(*http.Request) (caller.Caller, error)
	timeout  time.Duration
	origins  map[string]bool
	proxies  proxies
	labeler  *profile.Labeler
	limiter  *limit.Limiter
	explain  bool
	relayed  bool
	base     base
	places   *admit.Shares[caller.Client] // for requests at work
	turns    *admit.Turnstile             // for requests that compute
	known    *admit.Known                 // clients that are no newcomers
}

// NewReceiver returns a Receiver. It fails if cfg.CORS holds something else than an origin.
func NewReceiver(cfg Config) (_ *Receiver, err error) {
	defer errs.Wrap(&err, "web.NewReceiver")
	rc := &Receiver{
		identify: cfg.Identify,
		sample:   cfg.Sample,
		timeout:  orElse(cfg.Timeout, defaultTimeout),
		explain:  cfg.Explain,
		relayed:  cfg.Relayed,
		base:     base(cfg.Base),
		origins:  map[string]bool{},
		proxies:  proxies{trusted: cfg.Proxies, header: forwardedFor},
		labeler:  cfg.Labels,
		limiter:  cfg.Limits,
		turns:    admit.NewTurnstile(turnsPerProcessor * background.Processors()),
		known:    admit.NewKnown(),
		places:   admit.NewShares[caller.Client](int64(orElse(cfg.MaxConcurrent, 1024))),
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	rc.proxies.log = cfg.Logger
	if cfg.Forwarded {
		rc.proxies.header = forwarded
	}
	sinks := append([]telemetry.Sink{cfg.Lines.To(cfg.Logger)}, cfg.Sinks...)
	rc.records = telemetry.NewBatcher(telemetry.NewSinks(cfg.Logger, sinks...))
	if rc.sample == nil {
		rc.sample = func(telemetry.TraceID) bool { return true }
	}
	if rc.identify == nil {
		rc.identify = func(*http.Request) (caller.Caller, error) { return caller.Caller{}, nil }
	}
	if err := CheckOrigins(cfg.CORS); err != nil {
		return nil, err
	}
	for _, origin := range cfg.CORS {
		rc.origins[origin] = true
	}
	return rc, nil
}

// turnsPerProcessor is how many requests of one client may compute for each processor, while others come. Fewer make the groups
// of SQLite's writer small. With more, others wait as long as without a bound: see docs/decisions/0075-turnstile.md.
const turnsPerProcessor = 6

// Turns returns what hands on the turns of requests, while it runs.
func (rc *Receiver) Turns() *admit.Turnstile { return rc.turns }

// Known returns the clients that are no newcomers.
func (rc *Receiver) Known() *admit.Known { return rc.known }

// Places returns counts of the requests at work.
func (rc *Receiver) Places() admit.Stats { return rc.places.Stats() }

// Records returns what hands the records of the requests to the log and the sinks. While it runs, it hands them on in batches.
func (rc *Receiver) Records() *telemetry.Batcher { return rc.records }

// defaultTimeout is the deadline of a request unless the Config names one.
const defaultTimeout = 30 * time.Second

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
