package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
	"github.com/ashlar-dev/ashlar/internal/web/proxyproto"
)

// ServerConfig configures Serve. The zero value works.
type ServerConfig struct {
	HeaderTimeout time.Duration // bounds the header of a request; default: 10 s
	ReadTimeout   time.Duration // bounds a whole request; default: 60 s
	WriteTimeout  time.Duration // bounds the time from the end of the header to the end of the answer; default: 60 s
	IdleTimeout   time.Duration // bounds the time between two requests; default: 120 s
	MaxHeader     int           // size of a header, in bytes; default: 64 KiB
	Grace         time.Duration // bounds the requests in flight at a stop; default: 30 s
	Linger        time.Duration // time between OnStop and the last accept, for balancers that poll readiness; default: none
	OnStop        func()        // called once when the stop begins, to report "not ready"; may be nil
	Name          string        // of the listener, in profiles; default: "the listener"
	Logger        *slog.Logger  // gets the messages of net/http; default: none

	Relays  []netip.Prefix   // networks of proxies that begin each connection with a PROXY header; default: none do
	TLS     *tls.Config      // speak TLS, with HTTP/2; nil: HTTP/1.1 in the clear
	Bounds  *netconn.Bounds  // of open connections; nil: none
	Traffic *netconn.Traffic // counts the bytes of all connections; may be nil
}

// forcedWait bounds the wait for handlers after Serve closed their connections. They see their context end.
const forcedWait = 5 * time.Second

// Serve answers the connections of ln until ctx ends. Then it calls OnStop, accepts no more connections, and waits
// for the requests in flight. It returns nil if all were answered, else an error with the number of cut requests. It
// closes ln.
//
// Serve speaks HTTP/1.1, and with cfg.TLS also HTTP/2. Anything but HTTP gets a 400 or 431 from net/http itself, in plain text.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, cfg ServerConfig) (err error) {
	defer errs.Wrap(&err, "web.Serve")
	var inFlight atomic.Int64
	if cfg.Traffic == nil {
		cfg.Traffic = &netconn.Traffic{}
	}
	srv := newServer(h, &inFlight, cfg)
	if len(cfg.Relays) > 0 {
		ln = proxyproto.Listen(ln, proxyproto.Config{Trusted: cfg.Relays, Timeout: srv.ReadHeaderTimeout, Logger: cfg.Logger})
	}
	ln = netconn.Listen(ln, cfg.Traffic, cfg.Bounds)
	served := background.Async(orElse(cfg.Name, "the listener"), func() error {
		if cfg.TLS != nil {
			return srv.ServeTLS(ln, "", "")
		}
		return srv.Serve(ln)
	})
	select {
	case err := <-served:
		return fmt.Errorf("stopped serving: %w", err)
	case <-ctx.Done():
	}
	if cfg.OnStop != nil {
		cfg.OnStop()
	}
	select {
	case err := <-served:
		return fmt.Errorf("stopped serving: %w", err)
	case <-time.After(cfg.Linger):
	}
	err = stop(context.WithoutCancel(ctx), srv, &inFlight, orElse(cfg.Grace, 30*time.Second))
	<-served
	return err
}

func newServer(h http.Handler, inFlight *atomic.Int64, cfg ServerConfig) *http.Server {
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inFlight.Add(1)
			defer inFlight.Add(-1)
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout:            orElse(cfg.HeaderTimeout, 10*time.Second),
		ReadTimeout:                  orElse(cfg.ReadTimeout, 60*time.Second),
		WriteTimeout:                 orElse(cfg.WriteTimeout, 60*time.Second),
		IdleTimeout:                  orElse(cfg.IdleTimeout, 120*time.Second),
		MaxHeaderBytes:               orElse(cfg.MaxHeader, 64<<10),
		DisableGeneralOptionsHandler: true, // OPTIONS * gets a problem document
	}
	if cfg.TLS != nil {
		srv.TLSConfig = cfg.TLS
		srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
	}
	netconn.Hook(srv)
	if cfg.Bounds != nil {
		srv.ConnState = netconn.NoteState
	}
	handler := slog.Handler(slog.DiscardHandler)
	if cfg.Logger != nil {
		handler = cfg.Logger.Handler()
	}
	srv.ErrorLog = slog.NewLogLogger(handshakes{handler}, slog.LevelWarn)
	return srv
}

// maxStreams bounds the requests of one connection of HTTP/2 at once. RFC 9113 advises at least 100.
const maxStreams = 100

// handshakes logs failed handshakes at the level debug. Scanners of ports and health checks of TCP cause one each.
type handshakes struct{ slog.Handler }

// Handle implements slog.Handler.
func (h handshakes) Handle(ctx context.Context, record slog.Record) error {
	if strings.HasPrefix(record.Message, "http: TLS handshake error") {
		record.Level = slog.LevelDebug
		if !h.Enabled(ctx, record.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, record)
}

// stop lets the requests in flight finish, closes the connections of the others, and waits for their handlers.
func stop(ctx context.Context, srv *http.Server, inFlight *atomic.Int64, grace time.Duration) error {
	graceful, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	err := srv.Shutdown(graceful)
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("while it stopped: %w", err)
	}
	cut := inFlight.Load()
	if err := srv.Close(); err != nil {
		return fmt.Errorf("while it stopped: %w", err)
	}
	for deadline := time.Now().Add(forcedWait); inFlight.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if cut == 0 {
		return nil // only idle connections were closed
	}
	return fmt.Errorf("%d requests were cut after %v; %d of them still run", cut, grace, inFlight.Load())
}
