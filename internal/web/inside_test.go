package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// insideRoutes are routes that say what they see.
func insideRoutes(seen *context.Context) *Mux {
	m := NewMux()
	handle(m, "POST /echo", func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		*seen = r.Context()
		w.Header().Set("Location", "/echo/1")
		return JSON(w, http.StatusCreated, append([]byte(Caller(r).String()+" "+r.RemoteAddr+" "+r.Host+" "), body...))
	})
	handle(m, "GET /panic", func(http.ResponseWriter, *http.Request) error { panic("of a handler") })
	handle(m, "GET /half", func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("half"))
		return io.ErrUnexpectedEOF
	})
	handle(m, "GET /wait", func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	})
	return m
}

func newInside(t *testing.T, mux *Mux) (*Receiver, *Inside, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	rc, err := NewReceiver(Config{Logger: telemetry.NewLogger(log, "json", slog.LevelInfo), Base: "/below"})
	if err != nil {
		t.Fatal(err)
	}
	return rc, rc.Inside(mux), log
}

// A request from inside is answered and logged as one from outside, and its caller is the argument.
func TestRequestsFromInside(t *testing.T) {
	var seen context.Context
	_, inside, log := newInside(t, insideRoutes(&seen))
	for _, tt := range []struct{ method, path, sent, want string }{
		{"POST", "/echo", "hello", "201 system:test inside ashlar hello"},
		{"POST", "/echo", "", "201 system:test inside ashlar "},
		{"GET", "/panic", "", `500 {"type":"/problems/internal"`},
		{"GET", "/half", "", "the answer was cut: see the log"},
		{"GET", "/none", "", `404 {"type":"/problems/not_found"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://ashlar"+tt.path, strings.NewReader(tt.sent))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		answer, err := inside.Do(r, caller.System("test"))
		if err != nil {
			got = err.Error()
		} else {
			body, _ := io.ReadAll(answer.Body)
			got = answer.Status[:4] + string(body)
			if answer.ContentLength != int64(len(body)) || answer.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s: %d bytes are announced and %d come, with the header %v", tt.path, answer.ContentLength, len(body), answer.Header)
			}
			if at := answer.Header.Get("Location"); at != "" && at != "/echo/1" {
				t.Errorf("Location %s leads elsewhere", at)
			}
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s %s = %s, want %s", tt.method, tt.path, got, tt.want)
		}
	}
	lines := log.lines(t, 5)
	if lines[0]["caller"] != "system:test" || lines[0]["remote"] != "inside" {
		t.Errorf("the record is %v", lines[0])
	}
	if stack, _ := lines[2]["stack"].(string); !strings.Contains(stack, "inside_test.go") {
		t.Errorf("the record of a panic is %v", lines[2])
	}
}

// A request from inside ends with its context.
func TestARequestFromInsideEnds(t *testing.T) {
	var seen context.Context
	_, inside, _ := newInside(t, insideRoutes(&seen))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://ashlar/wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := inside.Do(r, caller.System("test")); err == nil || err.Error() != "context canceled" {
		t.Errorf("after its context: %v", err)
	}
}

// A request from inside ends with its context even if nobody writes the rest of its body.
func TestARequestFromInsideEndsWhileItsBodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen context.Context
		_, inside, _ := newInside(t, insideRoutes(&seen))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		body, writer := io.Pipe()
		r, err := http.NewRequestWithContext(ctx, "POST", "http://ashlar/echo", body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inside.Do(r, caller.System("test")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after its context: %v", err)
		}
		if _, err := writer.Write([]byte("late")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a late write: %v", err)
		}
	})
}

// The context and the address of a request from inside make nobody its caller at the handler of a listener.
func TestForgery_InsideIsNoCredential(t *testing.T) {
	var seen context.Context
	mux := insideRoutes(&seen)
	rc, inside, _ := newInside(t, mux)
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://ashlar/echo", strings.NewReader("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inside.Do(r, caller.System("test")); err != nil || seen == nil {
		t.Fatalf("context %v, %v", seen, err)
	}
	forged := httptest.NewRequest("POST", "http://ashlar/echo", strings.NewReader("b")).WithContext(context.WithoutCancel(seen))
	forged.RemoteAddr, forged.Host = insideAddress, InsideHost
	w := httptest.NewRecorder()
	rc.Handler(mux).ServeHTTP(w, forged)
	if got := w.Body.String(); got != "anonymous inside ashlar b" {
		t.Errorf("a forged request is answered %d %s", w.Code, got)
	}
}
