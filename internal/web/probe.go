package web

import (
	"context"
	"net/http"
	"runtime/pprof"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// probeAddress is the address of a client that is the server itself. No client of the network has it, since theirs are IP
// addresses.
const probeAddress = "probe"

// A Prober is a background service that makes requests to a server while no user does. Their records are no requests of
// users: they have telemetry.WorkProbe.
type Prober struct {
	Handler http.Handler
	Path    string
	Every   time.Duration
	Idle    func(time.Duration) bool // reports whether there was no request of a user for so long
}

// Run makes a request at each tick, unless users make some.
func (p *Prober) Run(ctx context.Context) error {
	ticks := time.NewTicker(p.Every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
		if !p.Idle(p.Every) {
			continue
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+p.Path, nil)
		if err != nil {
			return err
		}
		request.RemoteAddr, request.RequestURI, request.Body = probeAddress, p.Path, http.NoBody
		_ = background.Guard("a probe", func() error { // the record of the request has the error
			defer pprof.SetGoroutineLabels(ctx) // the labels of the request end with it
			p.Handler.ServeHTTP(unread{http.Header{}}, request)
			return nil
		})
	}
}

// unread is a ResponseWriter for an answer that nobody reads.
type unread struct{ header http.Header }

func (u unread) Header() http.Header       { return u.header }
func (unread) Write(p []byte) (int, error) { return len(p), nil }
func (unread) WriteHeader(int)             {}
