package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A holdSite is a server with an answer that is held. It writes each part that the test gives it, at once.
type holdSite struct {
	*running
	parts   chan string
	end     chan error    // what the answer returns
	gone    chan struct{} // filled when the context of the answer ends
	records chan telemetry.Record
}

func holdOn(t *testing.T, cfg ServerConfig) *holdSite {
	t.Helper()
	s := &holdSite{parts: make(chan string), end: make(chan error), gone: make(chan struct{}, 1), records: make(chan telemetry.Record, 1)}
	rc, err := NewReceiver(Config{Sinks: []telemetry.Sink{recordKeeper{s.records}}})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMux()
	handle(m, "GET /held", func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "text/event-stream")
		return Hold(w, r, s.send)
	})
	s.running = serve(t, cfg, rc.Handler(m))
	return s
}

func (s *holdSite) send(stream *Stream, r *http.Request) error {
	for {
		select {
		case part := <-s.parts:
			if part == "panic" {
				panic("a fault")
			}
			if _, err := stream.Write([]byte(part)); err != nil {
				return nil
			}
			stream.Flush()
		case err := <-s.end:
			return err
		case <-r.Context().Done():
			s.gone <- struct{}{}
			return nil
		}
	}
}

// ask sends a request, and returns the connection with the answer.
func (s *holdSite) ask(t *testing.T, version string) (net.Conn, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET /held HTTP/%s\r\nHost: x\r\n\r\n", version)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, answer
}

func TestHeldAnswersAreWhole(t *testing.T) {
	s := holdOn(t, ServerConfig{})
	for _, version := range []string{"1.0", "1.1"} {
		_, answer := s.ask(t, version)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("X-Request-Id") == "" || !answer.Close {
			t.Errorf("HTTP/%s: %s, %v, close %t", version, answer.Status, answer.Header, answer.Close)
		}
		if chunked := len(answer.TransferEncoding) > 0; chunked != (version == "1.1") {
			t.Errorf("HTTP/%s: the transfer encoding is %q", version, answer.TransferEncoding)
		}
		long := strings.Repeat("x", 3*chunkKept)
		for _, part := range []string{"a", "", long, "b"} {
			s.parts <- part
			got := make([]byte, len(part)) // each part comes before the next is written
			if _, err := io.ReadFull(answer.Body, got); err != nil || string(got) != part {
				t.Fatalf("HTTP/%s: a part of %d bytes is read as %d bytes, %v", version, len(part), len(got), err)
			}
		}
		s.end <- nil
		if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
			t.Errorf("HTTP/%s: the end is %q, %v", version, rest, err)
		}
		r := <-s.records
		if r.Status != http.StatusOK || r.Route != "GET /held" || r.Bytes != int64(len(long)+2) || r.Held == 0 || r.Held > r.Duration || r.Err != nil {
			t.Errorf("HTTP/%s: the record has status %d, route %q, %d bytes, held %v of %v, %v", version, r.Status, r.Route, r.Bytes, r.Held, r.Duration, r.Err)
		}
	}
}

// A client takes no part of an answer for a whole one when the handler fails.
func TestHeldAnswersThatFailAreCut(t *testing.T) {
	s := holdOn(t, ServerConfig{})
	for _, panics := range []bool{false, true} {
		_, answer := s.ask(t, "1.1")
		s.parts <- "a part"
		if panics {
			s.parts <- "panic"
		} else {
			s.end <- errs.New(errs.Internal, "a fault")
		}
		if body, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "a part" {
			t.Errorf("panics %t: the client reads %q, %v", panics, body, err)
		}
		r := <-s.records
		if r.Problem != errs.Internal || r.Err == nil || strings.Contains(r.Stack, "hold_test.go") != panics {
			t.Errorf("panics %t: the record has %q, %v, and the stack\n%s", panics, r.Problem, r.Err, r.Stack)
		}
	}
}

func TestHeldAnswersEndWithTheirClient(t *testing.T) {
	s := holdOn(t, ServerConfig{})
	c, answer := s.ask(t, "1.1")
	s.parts <- "a"
	if _, err := io.ReadFull(answer.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	<-s.gone
	if r := <-s.records; r.Status != http.StatusOK || r.Bytes != 1 {
		t.Errorf("the record has status %d and %d bytes", r.Status, r.Bytes)
	}
}

// Whatever a client sends after its request is read by nobody.
func TestHeldAnswersGoOnWhenTheClientSends(t *testing.T) {
	s := holdOn(t, ServerConfig{})
	c, answer := s.ask(t, "1.1")
	for _, part := range []string{"a", "b", "c"} {
		if _, err := io.WriteString(c, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		s.parts <- part
		got := make([]byte, 1)
		if _, err := io.ReadFull(answer.Body, got); err != nil || string(got) != part {
			t.Fatalf("%q is read as %q, %v", part, got, err)
		}
	}
	s.end <- nil
	<-s.records
}

func TestAStopWaitsForHeldAnswers(t *testing.T) {
	draining := make(chan struct{})
	s := holdOn(t, ServerConfig{OnDrain: func() { close(draining) }})
	_, answer := s.ask(t, "1.1")
	s.stop()
	<-draining
	s.parts <- "the last"
	select {
	case err := <-s.done:
		t.Fatalf("Serve returned %v while an answer was held", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.end <- nil
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "the last" {
		t.Errorf("the client reads %q, %v", body, err)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("Serve = %v", err)
	}
	if len(s.records) != 1 {
		t.Error("Serve returned before the record was written")
	}
}

func TestAStopCutsHeldAnswersAtLast(t *testing.T) {
	s := holdOn(t, ServerConfig{Grace: 50 * time.Millisecond})
	_, answer := s.ask(t, "1.1")
	s.stop()
	if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "1 requests were cut") || !strings.Contains(err.Error(), "0 of them still run") {
		t.Errorf("Serve = %v", err)
	}
	if _, err := io.ReadAll(answer.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client reads the end with %v", err)
	}
}

// A client that reads nothing holds an answer no longer than others.
func TestHeldAnswersEndWithClientsThatDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		client, stop := streamed(t, func(w http.ResponseWriter, r *http.Request) error {
			return Hold(w, r, func(s *Stream, _ *http.Request) error {
				for {
					if _, err := s.Write(make([]byte, 1<<20)); err != nil {
						ended <- err
						return err
					}
				}
			})
		})
		if _, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := <-ended; !strings.Contains(err.Error(), "timeout") || time.Since(begun) > 3*defaultTimeout {
			t.Errorf("the write ended with %v after %v", err, time.Since(begun))
		}
		_ = client.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Over HTTP/2 the handler sends the answer: other requests have the same connection.
func TestHeldAnswersOverHTTP2(t *testing.T) {
	s := &holdSite{parts: make(chan string), end: make(chan error), gone: make(chan struct{}, 1)}
	server := httptest.NewUnstartedServer(wrapped(t, func(m *Mux) {
		handle(m, "GET /held", func(w http.ResponseWriter, r *http.Request) error { return Hold(w, r, s.send) })
		handle(m, "GET /other", fails(nil))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/held")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	s.parts <- "a"
	if _, err := io.ReadFull(answer.Body, make([]byte, 1)); err != nil || answer.ProtoMajor != 2 {
		t.Fatalf("%s: %v", answer.Proto, err)
	}
	other, err := server.Client().Get(server.URL + "/other")
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Body.Close()
	s.parts <- "b"
	s.end <- nil
	if rest, err := io.ReadAll(answer.Body); err != nil || string(rest) != "b" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

// What an idle answer keeps decides how many streams a server can have. When a handler waited itself, it was 40 kB.
func TestHeldAnswersKeepLittle(t *testing.T) {
	s := holdOn(t, ServerConfig{})
	inUse := func() (bytes uint64) {
		runtime.GC()
		runtime.GC() // what was in pools is free after two
		all := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
		metrics.Read(all)
		return all[0].Value.Uint64() + all[1].Value.Uint64()
	}
	const count = 400
	s.ask(t, "1.1")
	before := inUse()
	for range count {
		s.ask(t, "1.1")
	}
	each := (inUse() - before) / count
	t.Logf("each answer keeps %d bytes, with its client", each)
	if each > 24<<10 {
		t.Errorf("each held answer keeps %d bytes, with its client; want at most 24 KiB", each)
	}
}
