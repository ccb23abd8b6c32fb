package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// exchangeOn sends a request on an open connection, and returns its answer.
func exchangeOn(t *testing.T, c net.Conn, in *bufio.Reader) *http.Response {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res
}

func TestStopEndsConnectionsPolitely(t *testing.T) {
	for _, parkFrom := range []int{0, 1} {
		t.Run(fmt.Sprint("ParkFrom ", parkFrom), func(t *testing.T) { stopPolitely(t, parkFrom) })
	}
}

func stopPolitely(t *testing.T, parkFrom int) {
	h := wrapped(t, func(m *Mux) { handle(m, "GET /x", fails(nil)) })
	lame, draining := make(chan bool), make(chan bool)
	s := serve(t, ServerConfig{ParkFrom: parkFrom, LameDuck: 200 * time.Millisecond, Quiet: time.Second, OnStop: func() { close(lame) }, OnDrain: func() { close(draining) }}, h)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	idle, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	in := bufio.NewReader(c)
	if res := exchangeOn(t, c, in); res.Close {
		t.Error("an answer before the stop ends its connection")
	}
	s.stop()
	<-lame
	if res := exchangeOn(t, c, in); res.Close {
		t.Error("an answer of a lame duck ends its connection")
	}
	<-draining
	if res := exchangeOn(t, c, in); res.StatusCode != http.StatusOK || !res.Close {
		t.Errorf("a request on an idle connection is answered %s, close %t; want 200 and the end of the connection", res.Status, res.Close)
	}
	if late, err := net.Dial("tcp", s.addr); err == nil {
		late.Close()
		t.Error("a server that ends its connections accepts a new one")
	}
	if n, err := idle.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("an idle connection got %d bytes, %v; want its end", n, err)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Serve = %v", err)
	}
}

// Connections that the kernel has completed and the server has not yet accepted are served.
func TestGateAcceptsItsQueue(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const waiting = 20
	for range waiting {
		c, err := net.Dial("tcp", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	g := &gate{Listener: raw}
	g.stop()
	accepted := 0
	for {
		c, err := g.Accept()
		if err != nil {
			break
		}
		c.Close()
		accepted++
	}
	if accepted != waiting {
		t.Errorf("%d of %d waiting connections were accepted", accepted, waiting)
	}
	if c, err := net.Dial("tcp", raw.Addr().String()); err == nil {
		c.Close()
		t.Error("the listener is still open")
	}
}
