package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, so that the time of a bubble passes for them.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// streamed runs a handler for a request in a bubble and returns the client's connection. stop ends the server.
func streamed(t *testing.T, h Handler) (client net.Conn, stop func() error) {
	t.Helper()
	ln := pipes{make(chan net.Conn), make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, ln, wrapped(t, func(m *Mux) { handle(m, "GET /", h) }), ServerConfig{})
	}()
	client, server := net.Pipe()
	ln.accepted <- server
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return client, func() error {
		cancel()
		return <-done
	}
}

// A stream outlives the deadlines of requests (30 s), reads and writes (60 s), and the connection is good afterwards.
func TestStreamsLiveAsLongAsTheyMakeProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stop := streamed(t, func(w http.ResponseWriter, r *http.Request) error {
			s := NewStream(w, r)
			defer s.End()
			for range 20 {
				time.Sleep(25 * time.Second)
				if s.Context().Err() != nil {
					return s.Err(s.Context().Err())
				}
				if _, err := s.Write([]byte("a line\n")); err != nil {
					return err
				}
				s.Flush()
			}
			return nil
		})
		reader := bufio.NewReader(client)
		for range 2 {
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if got := strings.Count(string(body), "a line"); err != nil || got != 20 || answer.StatusCode != http.StatusOK {
				t.Errorf("%d with %d lines, %v, want 200 with 20", answer.StatusCode, got, err)
			}
			if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		client.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStreamsWithoutProgressEnd(t *testing.T) {
	for _, begun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client, stop := streamed(t, func(w http.ResponseWriter, r *http.Request) error {
				s := NewStream(w, r)
				defer s.End()
				if begun {
					if _, err := s.Write([]byte("a line\n")); err != nil {
						return err
					}
					s.Flush()
				}
				<-s.Context().Done()
				return s.Err(s.Context().Err())
			})
			start := time.Now()
			answer, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			switch {
			case begun && !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("a stream that stops is read with %v: %s", err, body)
			case !begun && (answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "too long")):
				t.Errorf("answered %d %s", answer.StatusCode, body)
			}
			if took := time.Since(start); took != defaultTimeout {
				t.Errorf("it took %v, want %v", took, defaultTimeout)
			}
			client.Close()
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A client that reads nothing holds a stream no longer than others.
func TestStreamsEndWithClientsThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		client, stop := streamed(t, func(w http.ResponseWriter, r *http.Request) error {
			s := NewStream(w, r)
			defer s.End()
			for {
				if _, err := s.Write(make([]byte, 1<<20)); err != nil {
					ended <- err
					return err
				}
			}
		})
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
			t.Errorf("the write ended with %v", err)
		}
		client.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
