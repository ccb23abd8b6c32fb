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
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
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
	LameDuck      time.Duration // between OnStop and OnDrain all is served on, for balancers that poll readiness; default: none
	Quiet         time.Duration // an idle connection is closed after such a time of the drain; default: 250 ms
	OnStop        func()        // called once when the stop begins, to report "not ready"; may be nil
	OnDrain       func()        // called once after LameDuck, when connections begin to end; may be nil
	Shared        bool          // another process has the listener too: its queue of connections stays
	HandedOver    func() bool   // asked when the stop begins: a process that follows has the listener, so there is no lame duck; may be nil
	Name          string        // of the listener, in profiles; default: "the listener"
	Logger        *slog.Logger  // gets the messages of net/http; default: none

	Relays  []netip.Prefix   // networks of proxies that begin each connection with a PROXY header; default: none do
	TLS     *tls.Config      // speak TLS, with HTTP/2; nil: HTTP/1.1 in the clear
	Bounds  *netconn.Bounds  // of open connections; default: netconn.MostTotal
	Traffic *netconn.Traffic // counts the bytes of all connections; may be nil
	Known   *admit.Known     // of the Receiver: the parked connections of newcomers wait for each other; may be nil

	ParkFrom int // idle connections are parked while so many are open, but not with TLS; default: 1,000
}

// Serve answers the connections of ln until ctx ends. Then it stops in four steps, so that no request is lost:
//
//  1. It calls OnStop, and serves on for LameDuck, unless the listener was handed over.
//  2. It accepts the connections that wait in the queue of the kernel, then no more.
//  3. It sends GOAWAY on each connection of HTTP/2, and calls OnDrain. Over HTTP/1.1 each answer ends its connection with
//     "Connection: close".
//  4. It closes each idle connection after a time of Quiet, and waits for the requests in flight.
//
// Serve returns nil if all requests were answered, else an error with the number of cut ones. It closes ln.
//
// Serve speaks HTTP/1.1, and with cfg.TLS also HTTP/2. Anything but HTTP gets a 400 or 431 from net/http itself, in plain text.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, cfg ServerConfig) (err error) {
	defer errs.Wrap(&err, "web.Serve")
	if cfg.Traffic == nil {
		cfg.Traffic = &netconn.Traffic{}
	}
	if cfg.Bounds == nil {
		cfg.Bounds = netconn.NewBounds(netconn.MostTotal, nil)
	}
	s := &server{cfg: cfg, gate: &gate{Listener: ln, shared: cfg.Shared}, held: map[net.Conn]struct{}{}}
	s.http = newServer(s.count(h), cfg)
	s.http.BaseContext = func(net.Listener) context.Context { return context.WithValue(context.Background(), serverKey{}, s) }
	if cfg.TLS != nil {
		if s.http2, err = newHTTP2(s.http); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	ln = s.gate
	if len(cfg.Relays) > 0 {
		ln = proxyproto.Listen(ln, proxyproto.Config{Trusted: cfg.Relays, Timeout: s.http.ReadHeaderTimeout, Logger: cfg.Logger})
	}
	lot := s.lot()
	if lot != nil {
		defer lot.Close()
	}
	ln = netconn.Listen(ln, cfg.Traffic, cfg.Bounds, lot)
	s.served = background.Async(orElse(cfg.Name, "the listener"), func() error {
		if cfg.TLS != nil {
			return s.http.ServeTLS(ln, "", "")
		}
		return s.http.Serve(ln)
	})
	select {
	case err := <-s.served:
		return fmt.Errorf("stopped serving: %w", err)
	case <-ctx.Done():
	}
	return s.stop(context.WithoutCancel(ctx))
}

// lot returns a place for idle connections, or nil. A connection with TLS has state that net/http would lose.
func (s *server) lot() *netconn.Lot {
	if s.cfg.TLS != nil {
		return nil
	}
	serve := func(ln net.Listener) {
		background.Go(orElse(s.cfg.Name, "the listener")+", parked", func() error { return s.http.Serve(ln) }, func(error) {})
	}
	cfg := netconn.LotConfig{
		From: orElse(s.cfg.ParkFrom, parkFrom), Serve: serve, FirstWait: s.http.ReadHeaderTimeout,
		Turns: turnsPerProcessor * background.Processors(),
	}
	if s.cfg.Known != nil {
		cfg.Known = s.cfg.Known
	}
	return netconn.NewLot(cfg)
}

// parkFrom is the default of ServerConfig.ParkFrom.
const parkFrom = 1000

func newServer(h http.Handler, cfg ServerConfig) *http.Server {
	srv := &http.Server{
		Handler:                      h,
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
	srv.ConnState = netconn.NoteState
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
