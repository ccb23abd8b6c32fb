package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// An http2Server speaks HTTP/2 on the connections of another server, and sends GOAWAY on all of them when asked. GOAWAY names the
// last request that the server takes. A client sends the later ones again on another connection.
//
// Of net/http only Shutdown sends GOAWAY on idle connections. It also closes idle ones of HTTP/1.1 at once, even one whose next
// request is on its way. So a second http.Server has the code of HTTP/2, but no connections of its own: its Shutdown sends GOAWAY
// and does nothing else.
type http2Server struct {
	inner *http.Server // has the code of HTTP/2
	begun atomic.Bool  // goAway was called
	late  atomic.Bool  // a connection may have missed it
}

// newHTTP2 returns the http2Server of srv, which must not serve yet.
func newHTTP2(srv *http.Server) (*http2Server, error) {
	h := &http2Server{inner: &http.Server{TLSConfig: srv.TLSConfig, IdleTimeout: srv.IdleTimeout, ReadHeaderTimeout: srv.ReadHeaderTimeout}}
	// ServeTLS makes net/http set up HTTP/2. It accepts no connection.
	if err := h.inner.ServeTLS(noConnections{}, "", ""); !errors.Is(err, net.ErrClosed) {
		return nil, fmt.Errorf("set up HTTP/2: %w", err)
	}
	srv.TLSNextProto = h.inner.TLSNextProto
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		netconn.NoteState(c, state)
		if state == http.StateIdle && h.begun.Load() {
			h.late.Store(true) // its handshake may have ended after goAway
		}
	}
	return h, nil
}

// goAway sends GOAWAY on all connections that have not got it. A nil http2Server has none.
func (h *http2Server) goAway(ctx context.Context) {
	if h == nil {
		return
	}
	h.begun.Store(true)
	_ = h.inner.Shutdown(ctx) // without connections of its own, it has nothing to wait for
}

// goAwayLate sends GOAWAY on connections that have come since.
func (h *http2Server) goAwayLate(ctx context.Context) {
	if h != nil && h.late.Swap(false) {
		h.goAway(ctx)
	}
}

// noConnections is a listener that is closed.
type noConnections struct{}

func (noConnections) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (noConnections) Close() error              { return nil }
func (noConnections) Addr() net.Addr            { return &net.TCPAddr{} }
