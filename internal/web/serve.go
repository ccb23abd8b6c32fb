package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ServerConfig is how connections are served. The zero value works.
type ServerConfig struct {
	HeaderTimeout time.Duration // for the header of a request; 0: 10 s
	ReadTimeout   time.Duration // for a whole request; 0: 60 s
	WriteTimeout  time.Duration // from the end of the header to the end of the answer; 0: 60 s
	IdleTimeout   time.Duration // between two requests; 0: 120 s
	MaxHeader     int           // bytes of a header; 0: 64 KiB
	Grace         time.Duration // for requests in flight when it stops; 0: 30 s
	Linger        time.Duration // from OnStop until no connection is accepted, for balancers that ask for readiness; 0: none
	OnStop        func()        // called once when the stop begins: the place to say “not ready”; may be nil
	Logger        *slog.Logger  // what net/http has to say; nil: nothing
}

// forcedWait is how long Serve waits for handlers whose connection was cut. They see their context end.
const forcedWait = 5 * time.Second

// Serve answers the connections of ln until ctx ends, then stops: it calls OnStop, accepts no more, and gives the requests in
// flight their time. It returns when they are done: nil where all were, else an error that says how many were cut. It
// closes ln. HTTP/1.1 only, without TLS; net/http itself answers what is no HTTP (400, 431) in plain text.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, cfg ServerConfig) error {
	var inFlight atomic.Int64
	srv := newServer(h, &inFlight, cfg)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener{ln}) }()
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
	err := stop(context.WithoutCancel(ctx), srv, &inFlight, orElse(cfg.Grace, 30*time.Second))
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
		DisableGeneralOptionsHandler: true, // OPTIONS * is a path like any other
	}
	handler := slog.Handler(slog.DiscardHandler)
	if cfg.Logger != nil {
		handler = cfg.Logger.Handler()
	}
	srv.ErrorLog = slog.NewLogLogger(handler, slog.LevelWarn)
	return srv
}

// stop lets the requests in flight finish, cuts those that do not, and waits for their handlers.
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
		return nil // connections that had asked for nothing
	}
	return fmt.Errorf("%d requests were cut after %v; %d of them still run", cut, grace, inFlight.Load())
}
