//go:build linux

package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// bounded is a server with few connections. Its route /hold answers when free is closed.
type bounded struct {
	t       *testing.T
	address string
	bounds  *netconn.Bounds
	started chan bool
	free    chan bool
}

func newBounded(t *testing.T, total int, spared ...netip.Prefix) *bounded {
	b := &bounded{t: t, bounds: netconn.NewBounds(total, spared), started: make(chan bool, 8*total), free: make(chan bool)}
	b.serve(ServerConfig{Bounds: b.bounds})
	return b
}

// serve starts the server.
func (b *bounded) serve(cfg ServerConfig) {
	b.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.address = ln.Addr().String()
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			b.started <- true
			<-b.free
		}
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, handler, cfg) }()
	b.t.Cleanup(func() { stop(); <-done })
}

// dial opens a connection from an address of this machine, and sends a request for a path, unless it is "".
func (b *bounded) dial(from, path string) net.Conn {
	b.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	c, err := dialer.Dial("tcp", b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	if path != "" {
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n") // the server may have closed it
	}
	return c
}

// answered reports whether a connection gets an answer.
func (b *bounded) answered(c net.Conn) bool {
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	return err == nil && res.StatusCode == 200
}

// Idle connections of one address never keep another address out, and requests at work are not cut off.
func TestExhaustion_Connections(t *testing.T) {
	const total = 16
	b := newBounded(t, total)
	held := b.dial("127.0.0.1", "/hold")
	<-b.started
	for range 4 * total {
		b.dial("127.0.0.1", "")
	}
	for range 3 {
		if !b.answered(b.dial("127.0.0.2", "/")) {
			t.Error("another address gets no answer")
		}
	}
	if stats := b.bounds.Stats(); stats.Taken > total || b.bounds.Closed() == 0 || stats.Refused > b.bounds.Closed()/2 {
		t.Errorf("%d connections are open, want %d at most; %d idle ones were closed for others, and %d connections refused", stats.Taken, total, b.bounds.Closed(), stats.Refused)
	}
	close(b.free)
	if !b.answered(held) {
		t.Error("a request at work was cut off")
	}
}

// An address whose requests are all at work has its share of the connections, and no more.
func TestExhaustion_BusyConnections(t *testing.T) {
	const total, share = 16, 12
	b := newBounded(t, total)
	for range share {
		b.dial("127.0.0.1", "/hold")
		<-b.started
	}
	for range share {
		if b.answered(b.dial("127.0.0.1", "/")) {
			t.Error("an address has more than its share")
		}
	}
	if stats := b.bounds.Stats(); stats.Refused != share {
		t.Errorf("%d connections were refused, want %d", stats.Refused, share)
	}
	if !b.answered(b.dial("127.0.0.2", "/")) {
		t.Error("another address gets no answer")
	}
	close(b.free)
}

// A few addresses that take all they can leave some connections for addresses that have none.
func TestExhaustion_BusyConnectionsOfSome(t *testing.T) {
	const total = 64
	b := newBounded(t, total)
	for i := range 5 {
		for range total {
			b.dial(fmt.Sprintf("127.0.0.%d", 1+i), "/hold")
		}
	}
	for last := int64(0); last == 0 || last != b.bounds.Stats().Refused; time.Sleep(100 * time.Millisecond) {
		last = b.bounds.Stats().Refused
	}
	if !b.answered(b.dial("127.0.0.9", "/")) {
		t.Error("another address gets no answer")
	}
	close(b.free)
}

// Peers that may not send a header of the PROXY protocol have a share as without it. Their header is not waited for.
func TestExhaustion_ConnectionsBesideRelays(t *testing.T) {
	const total, share = 16, 12
	relay := netip.MustParsePrefix("127.0.0.7/32")
	b := &bounded{t: t, bounds: netconn.NewBounds(total, []netip.Prefix{relay}), started: make(chan bool, 8*total), free: make(chan bool)}
	b.serve(ServerConfig{Bounds: b.bounds, Relays: []netip.Prefix{relay}})
	for range share {
		b.dial("127.0.0.1", "/hold")
		<-b.started
	}
	if b.answered(b.dial("127.0.0.1", "/")) {
		t.Error("an address has more than its share")
	}
	for range total - share {
		b.dial("127.0.0.7", "") // of the relay, which has no share
	}
	close(b.free)
}

// A proxy speaks for many clients, so it may have all connections.
func TestConnectionsOfAProxy(t *testing.T) {
	const total = 16
	b := newBounded(t, total, netip.MustParsePrefix("127.0.0.1/32"))
	for range total {
		b.dial("127.0.0.1", "/hold")
	}
	for range total {
		<-b.started
	}
	close(b.free)
}

// Of many idle connections, several are closed at once. All of them make room: none stays open as one that is closing.
func TestExhaustion_EachClosingConnectionMakesRoom(t *testing.T) {
	const total = 128
	for _, parkFrom := range []int{0, 1} {
		b := newBounded(t, total)
		b.serve(ServerConfig{Bounds: b.bounds, ParkFrom: parkFrom})
		for i := range 3 * total { // two addresses, so that together they reach the total
			c := b.dial(fmt.Sprintf("127.0.0.%d", 1+i%2), "/")
			if !b.answered(c) {
				t.Fatalf("ParkFrom %d: connection %d is not served: %+v, %d closed", parkFrom, i, b.bounds.Stats(), b.bounds.Closed())
			}
		}
	}
}

// Idle connections have no goroutine once there are ParkFrom of them, and are answered all the same.
func TestIdleConnectionsAreParked(t *testing.T) {
	const clients, parkFrom = 400, 300
	b := newBounded(t, 10*clients)
	b.serve(ServerConfig{Bounds: b.bounds, ParkFrom: parkFrom})
	before := runtime.NumGoroutine()
	var all []net.Conn
	for range clients {
		c := b.dial("127.0.0.1", "/")
		if !b.answered(c) {
			t.Fatal("a new connection gets no answer")
		}
		all = append(all, c)
	}
	if more := runtime.NumGoroutine() - before; more < parkFrom*9/10 {
		t.Errorf("%d goroutines are there for %d connections, want one for each of the first %d", more, clients, parkFrom)
	}
	for range 2 {
		for _, c := range all {
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil || !b.answered(c) {
				t.Fatalf("an idle connection gets no answer: %v", err)
			}
		}
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine()-before > clients/10; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines are there for %d idle connections", runtime.NumGoroutine()-before, clients)
		}
	}
}

// A parked connection of a relay goes on for the client that its header named.
func TestParkedConnectionsOfARelay(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) })
	s := serve(t, ServerConfig{ParkFrom: 1, Relays: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, h)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for i, text := range []string{"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n" + get + get, get, get + get} {
		_, _ = io.WriteString(c, text)
		for range strings.Count(text, get) {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(res.Body); string(body) != "192.0.2.1:4711" {
				t.Errorf("round %d is answered as if it came from %s", i, body)
			}
		}
		time.Sleep(20 * time.Millisecond) // until it is parked
	}
}

// A refused request is answered though its body never comes, and its connection is closed soon, not at the deadline for a
// whole request.
func TestExhaustion_RefusedRequestsDoNotWaitForTheirBody(t *testing.T) {
	rc, err := NewReceiver(Config{})
	if err != nil {
		t.Fatal(err)
	}
	mux := NewMux(Route{Pattern: "GET /known", Handler: func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, http.StatusOK, []byte("{}")) }})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, ln, rc.Handler(mux), ServerConfig{ReadTimeout: time.Hour, WriteTimeout: time.Hour})
	}()
	t.Cleanup(func() { stop(); <-done })
	for _, tt := range []struct {
		request string
		status  int
	}{
		{"POST /unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", http.StatusNotFound},
		{"GET /known HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", http.StatusOK},
		{"GET /known HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", http.StatusOK},
	} {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, tt.request)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // the server would wait for an hour
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != tt.status {
			t.Errorf("%q: %v, %v, want %d", tt.request, res, err, tt.status)
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		if _, err := in.ReadByte(); err != io.EOF {
			t.Errorf("%q: after the answer %v, want the end of the connection", tt.request, err)
		}
	}
}
