package proxyproto

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logText keeps the lines of a log.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startServer returns the address of a server whose answers are the address of the client.
func startServer(t *testing.T, trusted string) (string, *logText) {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := &logText{}
	ln := Listen(raw, Config{Trusted: []netip.Prefix{netip.MustParsePrefix(trusted)}, Logger: slog.New(slog.NewTextHandler(lines, nil))})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) })}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return raw.Addr().String(), lines
}

// send sends parts one after the other, and returns the status line and the body of the answer, or "" if there is none.
func send(t *testing.T, address string, parts ...string) (status, body string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, part := range parts {
		if _, err := io.WriteString(c, part); err != nil {
			break // refused
		}
		time.Sleep(time.Millisecond) // so that it is mostly a packet of its own
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) == c.LocalAddr().String() {
		text = []byte("the peer")
	}
	return answer.Status, string(text)
}

const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

func TestServer(t *testing.T) {
	const line = "PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\r\n"
	for _, tt := range []struct {
		name, trusted string
		parts         []string
		status, body  string
		logged        string
	}{
		{"version 1", "127.0.0.0/8", []string{line + request}, "200 OK", "203.0.113.9:4711", ""},
		{"version 1 in parts", "127.0.0.0/8", []string{"P", line[1:20], line[20:43], "\n" + request[:7], request[7:]}, "200 OK", "203.0.113.9:4711", ""},
		{"version 2", "127.0.0.0/8", []string{binary2(0x21, 0x21, six) + request}, "200 OK", "[2001:db8::7]:4711", ""},
		{"version 2 in parts", "127.0.0.0/8", []string{"\r\n", binary2(0x21, 0x11, four)[2:17], binary2(0x21, 0x11, four)[17:], request}, "200 OK", "203.0.113.9:4711", ""},
		{"a large header", "127.0.0.0/8", []string{binary2(0x21, 0x11, four+"\x04\x0c\x00"+strings.Repeat("x", 0xc00)) + request}, "200 OK", "203.0.113.9:4711", ""},
		{"the proxy itself", "127.0.0.0/8", []string{binary2(0x20, 0x00, "") + request}, "200 OK", "the peer", ""},
		{"an unknown client", "127.0.0.0/8", []string{"PROXY UNKNOWN\r\n" + request}, "200 OK", "the peer", ""},
		{"two headers", "127.0.0.0/8", []string{line + line + request}, "400 Bad Request", "400 Bad Request", ""},
		{"none", "127.0.0.0/8", []string{request}, "", "", "sent no PROXY header"},
		{"TLS", "127.0.0.0/8", []string{"\x16\x03\x01\x02\x00\x01\x00"}, "", "", "sent no PROXY header"},
		{"an invalid one", "127.0.0.0/8", []string{strings.Replace(line, "203.0", "903.0", 1) + request}, "", "", "whole and valid"},
		{"one that is too long", "127.0.0.0/8", []string{binary2(0x21, 0x11, four+strings.Repeat("x", 5000))}, "", "", "whole and valid"},
		{"a stranger without one", "10.0.0.0/8", []string{request}, "200 OK", "the peer", ""},
		{"a stranger with one", "10.0.0.0/8", []string{line + request}, "", "", "--trusted-proxies does not name"},
		{"a stranger with one of version 2", "10.0.0.0/8", []string{binary2(0x21, 0x11, four) + request}, "", "", "--trusted-proxies does not name"},
		{"a stranger with one in parts", "10.0.0.0/8", []string{line[:3], line[3:] + request}, "400 Bad Request", "400 Bad Request", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, lines := startServer(t, tt.trusted)
			for range 2 {
				status, body := send(t, address, tt.parts...)
				if strings.HasPrefix(body, tt.body) && tt.body != "" {
					body = tt.body
				}
				if tt.name == "a stranger with one in parts" && status == "" { // the parts came as one
					continue
				}
				if status != tt.status || body != tt.body {
					t.Errorf("the answer is %q, %q, want %q, %q", status, body, tt.status, tt.body)
				}
			}
			text := lines.String()
			if tt.name != "a stranger with one in parts" && (strings.Count(text, "\n") != min(len(tt.logged), 1) || !strings.Contains(text, tt.logged)) {
				t.Errorf("the log has %q, want one line with %q", text, tt.logged)
			}
		})
	}
}

// A proxy that goes silent in a header holds its connection only for the time of the header, and nobody else's.
func TestHeaderHasADeadline(t *testing.T) {
	for _, start := range []string{"", "PROXY TCP4 203.0.113.9", signature2} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			lines := &logText{}
			l := &listener{cfg: Config{Timeout: 10 * time.Second, Logger: slog.New(slog.NewTextHandler(lines, nil))}}
			c := &conn{Conn: near, listener: l, trusted: true}
			go func() { _, _ = io.WriteString(far, start) }()
			begun := time.Now()
			_, err := c.Read(make([]byte, 10))
			if took := time.Since(begun); took != 10*time.Second || err == nil {
				t.Errorf("after %q the read ended after %v with %v", start, took, err)
			}
			if logged := lines.String() != ""; logged != (start != "") {
				t.Errorf("after %q the log has %q", start, lines.String())
			}
			_ = far.Close()
		})
	}
}

// Accept must not wait for a header: one silent proxy would stop all others.
func TestAcceptDoesNotWait(t *testing.T) {
	address, _ := startServer(t, "127.0.0.0/8")
	for range 3 {
		silent, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	if status, _ := send(t, address, fmt.Sprintf("PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\r\n%s", request)); status != "200 OK" {
		t.Errorf("the answer is %q", status)
	}
}
