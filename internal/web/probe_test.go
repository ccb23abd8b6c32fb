package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func TestProberAsksAnIdleServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper, lines := recordKeeper{make(chan telemetry.Record, 100)}, &strings.Builder{}
		rc, err := NewReceiver(Config{Sinks: []telemetry.Sink{keeper}, Logger: slog.New(slog.NewTextHandler(lines, nil))})
		if err != nil {
			t.Fatal(err)
		}
		var status atomic.Int32
		var idle atomic.Bool
		m := NewMux(Route{Pattern: "GET /api/posts", Handler: func(w http.ResponseWriter, _ *http.Request) error {
			switch status.Load() {
			case 0:
				panic("of the handler")
			case 503:
				return errs.New(errs.Unavailable, "no database")
			}
			return JSON(w, 200, []byte("{}"))
		}})
		prober := &Prober{Handler: rc.Handler(m), Path: "/api/posts?limit=1", Every: time.Minute, Idle: func(time.Duration) bool { return idle.Load() }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- prober.Run(ctx) }()
		for _, tt := range []struct {
			status int
			idle   bool
			want   []int // statuses of the records of three minutes
		}{{200, true, []int{200, 200, 200}}, {200, false, nil}, {503, true, []int{503, 503, 503}}, {0, true, []int{500, 500, 500}}, {200, true, []int{200, 200, 200}}} {
			status.Store(int32(tt.status))
			idle.Store(tt.idle)
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			for _, want := range tt.want {
				if r := <-keeper.records; r.Work != telemetry.WorkProbe || r.Status != want || r.Route != "GET /api/posts" {
					t.Errorf("record %s of %q with status %d, want %d", r.Work, r.Route, r.Status, want)
				}
			}
			if n := len(keeper.records); n > 0 {
				t.Errorf("%d records more", n)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		if n := strings.Count(lines.String(), "msg=request"); n != 6 {
			t.Errorf("%d lines in the log, want 6 of failed probes:\n%s", n, lines)
		}
	})
}

// A client cannot pass for the server itself.
func TestNoClientIsTheProber(t *testing.T) {
	keeper := recordKeeper{make(chan telemetry.Record, 1)}
	s := newSite(t, Config{Sinks: []telemetry.Sink{keeper}}, func(m *Mux) {
		handle(m, "GET /", func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, []byte("{}")) })
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(forwardedFor, probeAddress)
	answer, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if r := <-keeper.records; r.Work != telemetry.WorkRequest {
		t.Errorf("the record is of a %s", r.Work)
	}
}
