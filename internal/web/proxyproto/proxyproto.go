// Package proxyproto reads the header of the PROXY protocol, version 1 or 2. With it, a proxy of TCP connections names its
// client.
//
// A proxy that a server trusts must begin each connection with the header. Nobody else may send one.
package proxyproto

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config configures Listen.
type Config struct {
	Trusted []netip.Prefix // networks of the proxies
	Timeout time.Duration  // bounds the arrival of a header; default: 10 s
	Logger  *slog.Logger   // gets one line for each kind of refusal; default: no log
}

// Listen returns ln with connections whose RemoteAddr is the client that a trusted proxy named. Accept does not wait for the
// header. The first Read or RemoteAddr does.
func Listen(ln net.Listener, cfg Config) net.Listener {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &listener{Listener: ln, cfg: cfg}
}

type listener struct {
	net.Listener
	cfg    Config
	warned [len(refusals)]atomic.Bool
}

var errStranger = errors.New("the peer is no trusted proxy")

// refusals are the lines of the log for refused connections. The last one is for all other errors.
var refusals = [...]struct {
	err  error
	text string
}{
	{errStranger, "a peer that --trusted-proxies does not name sent a PROXY header, and was refused: name it if it is your proxy"},
	{errNoHeader, "a trusted proxy sent no PROXY header, and was refused: let it send one (send-proxy-v2 of HAProxy), or start without --proxy-protocol"},
	{nil, "a trusted proxy did not send a whole and valid PROXY header, and was refused: look at its version of the protocol, and at the error"},
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, listener: l}
	peer, err := netip.ParseAddrPort(raw.RemoteAddr().String())
	ip := peer.Addr().Unmap().WithZone("")
	c.trusted = err == nil && slices.ContainsFunc(l.cfg.Trusted, func(network netip.Prefix) bool { return network.Contains(ip) })
	return c, nil
}

// warn logs once for each kind of refusal. A proxy with a wrong configuration is refused with each of its connections.
func (l *listener) warn(peer net.Addr, err error) {
	for i := range refusals {
		if own := refusals[i].err; own != nil && !errors.Is(err, own) {
			continue
		}
		if !l.warned[i].Swap(true) {
			l.cfg.Logger.Warn(refusals[i].text, "peer", peer.String(), "error", err)
		}
		return
	}
}

// conn is a connection that may begin with a header.
type conn struct {
	net.Conn
	listener *listener
	trusted  bool // the peer must send a header

	once   sync.Once
	client net.Addr // the peer, or the client that it named
	rest   []byte   // what was read behind the header
	err    error    // why the connection is refused

	begun bool // a read of a peer that is not trusted has ended
}

// Peer returns the other end of the connection, whatever client it speaks for. It waits for nothing.
func (c *conn) Peer() net.Addr { return c.Conn.RemoteAddr() }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr {
	c.once.Do(c.begin)
	return c.client
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.once.Do(c.begin)
	if c.err != nil {
		return 0, c.err
	}
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if !c.trusted && !c.begun {
		c.begun = true
		if bytes.HasPrefix(p[:n], []byte(signature1)) || bytes.HasPrefix(p[:n], []byte(signature2)) {
			c.refuse(errStranger)
			return 0, c.err
		}
	}
	return n, err
}

// CloseWrite closes one side, as net/http does before it closes a connection with an unread body.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SyscallConn lets the server watch the connection while it is idle. Then no bytes are left in rest: it is shorter than the
// buffer of net/http, whose first read takes them all.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	inner, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return inner.SyscallConn()
}

// begin reads the header of a trusted proxy. Nobody has set a deadline yet.
func (c *conn) begin() {
	c.client = c.Conn.RemoteAddr()
	if !c.trusted {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(c.listener.cfg.Timeout)) // if it fails, so does the read
	client, err := c.readHeader()
	_ = c.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		c.refuse(err)
	case client.IsValid():
		c.client = net.TCPAddrFromAddrPort(client)
	}
}

func (c *conn) readHeader() (client netip.AddrPort, err error) {
	start := make([]byte, 0, 512)
	for {
		n, err := c.Conn.Read(start[len(start):cap(start)])
		start = start[:len(start)+n]
		client, length, bad := parse(start)
		switch {
		case bad == nil:
			c.rest = start[length:]
			return client, nil
		case !errors.Is(bad, errShort):
			return client, bad
		case err != nil && len(start) == 0:
			return client, io.EOF // somebody looked whether the port is open
		case err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF)):
			return client, errShort
		case err != nil:
			return client, err
		}
		if len(start) == cap(start) {
			start = slices.Grow(start, longest2-len(start))
		}
	}
}

// refuse makes all reads fail. net/http closes a connection without an answer if a read fails on the network.
func (c *conn) refuse(err error) {
	if !errors.Is(err, io.EOF) {
		c.listener.warn(c.Conn.RemoteAddr(), err)
	}
	c.err = &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.Conn.RemoteAddr(), Err: err}
}
