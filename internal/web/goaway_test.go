package web

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

// A multiplexedConn is a connection of HTTP/2 whose frames a test sees.
type multiplexedConn struct {
	t      *testing.T
	conn   *tls.Conn
	framer *http2.Framer
	header bytes.Buffer
	hpack  *hpack.Encoder
}

// secureConfig returns the configuration of a server with a certificate of its own.
func secureConfig(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(pebbletest.NewPair(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// dialMultiplexed connects. The client says nothing after the handshake until begin.
func dialMultiplexed(t *testing.T, addr string) *multiplexedConn {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) // the test is not about trust
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &multiplexedConn{t: t, conn: conn, framer: http2.NewFramer(conn, conn)}
	c.hpack = hpack.NewEncoder(&c.header)
	return c
}

// begin sends what a client sends first.
func (c *multiplexedConn) begin() {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, http2.ClientPreface); err != nil {
		c.t.Fatal(err)
	}
	if err := c.framer.WriteSettings(); err != nil {
		c.t.Fatal(err)
	}
}

// get sends a request.
func (c *multiplexedConn) get(stream uint32, path string) {
	c.t.Helper()
	c.header.Reset()
	for _, field := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "x"}, {Name: ":path", Value: path}} {
		if err := c.hpack.WriteField(field); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.header.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		c.t.Fatal(err)
	}
}

// await reads frames until one fits. It returns false at the end of the connection.
func (c *multiplexedConn) await(fits func(http2.Frame) bool) bool {
	c.t.Helper()
	for {
		frame, err := c.framer.ReadFrame()
		switch {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			c.t.Errorf("the connection ends with %v", err)
			return false
		case fits(frame):
			return true
		}
	}
}

// awaitGoAway fails the test if the next GOAWAY does not name the last stream that the server takes.
func (c *multiplexedConn) awaitGoAway(last uint32) {
	c.t.Helper()
	told := c.await(func(frame http2.Frame) bool {
		away, ok := frame.(*http2.GoAwayFrame)
		if ok && (away.LastStreamID != last || away.ErrCode != http2.ErrCodeNo) {
			c.t.Errorf("GOAWAY with %d, %v; want %d, no error", away.LastStreamID, away.ErrCode, last)
		}
		return ok
	})
	if !told {
		c.t.Error("the connection ends without GOAWAY")
	}
}

// answered reads the whole answer of a stream.
func (c *multiplexedConn) answered(stream uint32) bool {
	c.t.Helper()
	return c.await(func(frame http2.Frame) bool {
		head := frame.Header()
		return head.StreamID == stream && head.Flags.Has(http2.FlagDataEndStream) && (head.Type == http2.FrameData || head.Type == http2.FrameHeaders)
	})
}

// A server that stops tells each connection of HTTP/2 which requests it takes, and answers them. It tells idle connections too,
// before it closes them: their clients send a request again that was on its way.
func TestStopSendsGoAway(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	var late atomic.Int64
	h := wrapped(t, func(m *Mux) {
		handle(m, "GET /x", fails(nil))
		handle(m, "GET /slow", func(w http.ResponseWriter, _ *http.Request) error {
			entered <- true
			<-release
			return JSON(w, 200, []byte(`"done"`))
		})
		handle(m, "GET /late", func(w http.ResponseWriter, _ *http.Request) error {
			late.Add(1)
			return JSON(w, 200, []byte(`"late"`))
		})
	})
	draining := make(chan bool)
	s := serve(t, ServerConfig{TLS: secureConfig(t), Quiet: time.Second, OnDrain: func() { close(draining) }}, h)
	idle, busy, silent := dialMultiplexed(t, s.addr), dialMultiplexed(t, s.addr), dialMultiplexed(t, s.addr)
	idle.begin()
	busy.begin()
	for _, c := range []*multiplexedConn{idle, busy} {
		c.get(1, "/x")
		if !c.answered(1) {
			t.Fatal("no answer before the stop")
		}
	}
	busy.get(3, "/slow")
	busy.get(5, "/slow")
	<-entered
	<-entered
	s.stop()
	<-draining
	silent.begin()
	silent.awaitGoAway(0)
	idle.awaitGoAway(1)
	busy.awaitGoAway(5)
	idle.get(3, "/late")
	busy.get(7, "/late")
	release <- true
	release <- true
	for range 2 {
		ended := busy.await(func(frame http2.Frame) bool {
			head := frame.Header()
			return (head.StreamID == 3 || head.StreamID == 5) && head.Type == http2.FrameData && head.Flags.Has(http2.FlagDataEndStream)
		})
		if !ended {
			t.Error("a request in flight is not answered")
		}
	}
	for name, c := range map[string]*multiplexedConn{"idle": idle, "busy": busy, "silent": silent} {
		if c.await(func(frame http2.Frame) bool { return frame.Header().StreamID != 0 }) {
			t.Errorf("a request after GOAWAY is answered on the %s connection", name)
		}
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Serve = %v", err)
	}
	if n := late.Load(); n > 0 {
		t.Errorf("%d requests after GOAWAY were handled", n)
	}
}

func TestConnectionsOfHTTP2HaveTheirBounds(t *testing.T) {
	s := serve(t, ServerConfig{TLS: secureConfig(t)}, wrapped(t, func(*Mux) {}))
	c := dialMultiplexed(t, s.addr)
	c.begin()
	told := c.await(func(frame http2.Frame) bool {
		settings, ok := frame.(*http2.SettingsFrame)
		if ok {
			if n, _ := settings.Value(http2.SettingMaxConcurrentStreams); n != maxStreams {
				t.Errorf("a connection may have %d requests at once, want %d", n, maxStreams)
			}
		}
		return ok
	})
	if !told {
		t.Error("the server sends no settings")
	}
}
