package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// running is Serve in a goroutine.
type running struct {
	addr string
	stop context.CancelFunc
	done chan error
}

func serve(t *testing.T, cfg ServerConfig, h http.Handler) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{addr: ln.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- Serve(ctx, ln, h, cfg) }()
	t.Cleanup(cancel)
	return r
}

func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Serve did not return")
		return nil
	}
}

// talk sends raw bytes and returns all bytes received until the server closes the connection.
func (r *running) talk(t *testing.T, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
		return ""
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	out, err := io.ReadAll(c)
	if err != nil && len(out) == 0 {
		t.Logf("%q: %v", text, err)
	}
	return string(out)
}

func wrapped(t *testing.T, add func(*Mux)) http.Handler {
	t.Helper()
	s, err := NewReceiver(Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMux()
	add(m)
	return s.Handler(m)
}

func readsBody(w http.ResponseWriter, r *http.Request) error {
	out, err := ReadBody(w, r, 1000, "application/json")
	if err != nil {
		return err
	}
	return JSON(w, 200, out)
}

func TestServeTimeouts(t *testing.T) {
	h := wrapped(t, func(m *Mux) { handle(m, "POST /x", readsBody) })
	s := serve(t, ServerConfig{HeaderTimeout: 100 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, IdleTimeout: 100 * time.Millisecond}, h)
	for _, tt := range []struct {
		name, sent string
		want       []string
	}{
		{"a header that never ends", "POST /x HTTP/1.1\r\nHost: x\r\nX-A: ", nil},
		{"nothing at all", "", nil},
		{"a body that never ends", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{", []string{" 400 ", "did not arrive in time", "Connection: close"}},
		{"chunks that never end", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", []string{" 400 ", "did not arrive in time"}},
		{"an idle connection", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", []string{" 200 ", "\r\n\r\n{}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			got := s.talk(t, tt.sent)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("answer %q, want %q in it", got, want)
				}
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("the connection was held for %v", took)
			}
		})
	}
	s.stop()
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

// plainText is the rest of net/http's own answers.
const plainText = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

func TestServeRawRequests(t *testing.T) {
	h := wrapped(t, func(m *Mux) {
		handle(m, "POST /x", readsBody)
		handle(m, "GET /x", fails(nil))
	})
	s := serve(t, ServerConfig{MaxHeader: 8 << 10}, h)
	const post = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct{ name, sent, want string }{
		{"too long a header", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large" + plainText},
		{"no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 Bad Request" + plainText},
		{"another version", "GET /x HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" + plainText},
		{"another encoding", "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 Not Implemented" + plainText},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/problems/not_found"},
		{"GET *", "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/problems/not_found"},
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n", "/problems/not_found"},
		{"an absolute URI", "GET http://other/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n", " 200 "},
		{"a cut body", post + "Content-Length: 3\r\n\r\n{", ""},
		{"bad chunks", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "/problems/malformed"},
		{"length and chunks", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", " 200 "},
		{"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", " 400 "},
		{"two content types", post + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", "/problems/unsupported"},
		{"too large at once", post + "Content-Length: 1001\r\n\r\n", "/problems/too_large"},
		{"too large in chunks", post + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("x", 2000) + "\r\n0\r\n\r\n", "/problems/too_large"},
		{"exactly the limit", post + "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000), " 200 "},
		{"continue", post + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", "100 Continue"},
		{"continue, refused before", strings.Replace(post, "json", "xml", 1) + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", "/problems/unsupported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "a cut body" {
				cutBody(t, s, tt.sent)
				return
			}
			if got := s.talk(t, tt.sent); !strings.Contains(got, tt.want) {
				t.Errorf("answer %q, want %q in it", got, tt.want)
			}
		})
	}
}

// cutBody closes its side for writing before the body is whole.
func cutBody(t *testing.T, s *running, text string) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(out), "/problems/malformed") {
		t.Errorf("answer %q, %v", out, err)
	}
}

func TestServeStopsGracefully(t *testing.T) {
	started, free := make(chan bool), make(chan bool)
	var ready atomic.Bool
	ready.Store(true)
	h := wrapped(t, func(m *Mux) {
		handle(m, "GET /hold", func(w http.ResponseWriter, r *http.Request) error {
			started <- true
			<-free
			if err := r.Context().Err(); err != nil {
				return err
			}
			return Bytes(w, 200, "text/plain", []byte("whole"))
		})
		handle(m, "GET /readyz", func(w http.ResponseWriter, _ *http.Request) error {
			return Bytes(w, 200, "text/plain", fmt.Append(nil, ready.Load()))
		})
	})
	stopping := make(chan bool)
	s := serve(t, ServerConfig{LameDuck: 150 * time.Millisecond, OnStop: func() { ready.Store(false); close(stopping) }}, h)
	answer := make(chan string, 1)
	go func() { answer <- s.talk(t, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n") }()
	<-started
	s.stop()
	<-stopping
	if got := s.talk(t, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(got, "false") {
		t.Errorf("while it lingers: %q", got)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("it still accepts connections")
		}
	}
	select {
	case err := <-s.done:
		t.Fatalf("Serve returned with a request in flight: %v", err)
	default:
	}
	close(free)
	if got := <-answer; !strings.Contains(got, " 200 ") || !strings.HasSuffix(got, "whole") {
		t.Errorf("the request in flight got %q", got)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestServeCutsWhatDoesNotEnd(t *testing.T) {
	started, ended := make(chan bool), make(chan bool, 1)
	h := wrapped(t, func(m *Mux) {
		handle(m, "GET /hold", func(_ http.ResponseWriter, r *http.Request) error {
			started <- true
			<-r.Context().Done()
			ended <- true
			return r.Context().Err()
		})
	})
	s := serve(t, ServerConfig{Grace: 50 * time.Millisecond}, h)
	go s.talk(t, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	<-started
	s.stop()
	err := s.wait(t)
	if err == nil || !strings.Contains(err.Error(), "1 requests were cut after 50ms; 0 of them still run") {
		t.Errorf("Serve = %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("Serve returned before the handler")
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler(), ServerConfig{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v", err)
	}
}

func TestKeepAlive(t *testing.T) {
	h := wrapped(t, func(m *Mux) {
		handle(m, "POST /x", readsBody)
		handle(m, "POST /ignore", fails(nil))
	})
	s := serve(t, ServerConfig{}, h)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for i, request := range []string{ // unread bytes of a request must not become the next one
		"POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n\r\nGET /evil HTTP/1.1\r\nA: B\r\n\r\n",
		"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	} {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		if want := []int{415, 200, 200}[i]; resp.StatusCode != want {
			t.Errorf("request %d: %d, want %d", i, resp.StatusCode, want)
		}
	}
}
