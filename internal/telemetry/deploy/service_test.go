package deploy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// A server is a simulated process with its archive.
type server struct {
	*archive.Archive
	now    *time.Time
	cpu    float64
	served float64
}

// startServer starts a process on the archive of a folder.
func startServer(t *testing.T, folder string, now *time.Time, build string) *server {
	t.Helper()
	s := &server{now: now}
	s.Archive = archive.Open(filepath.Join(folder, archive.FileName), archive.Config{
		Process: telemetry.Process{Node: "one", Build: build, Revision: "abc", Started: *now},
		Points: func() []telemetry.Point {
			return []telemetry.Point{
				{Series: "process_cpu_seconds_total", Value: s.cpu, Counter: true},
				{Series: "process_resident_memory_bytes", Value: 1e8},
				{Series: `http_server_request_duration_seconds_bucket{le="+Inf"}`, Value: s.served, Counter: true},
			}
		},
		Now: func() time.Time { return *now },
	})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// serve lets time pass with 30 requests in each step of two minutes. Of each five, failing fail.
func (s *server) serve(length time.Duration, took time.Duration, failing int) {
	for end := s.now.Add(length); s.now.Before(end); {
		s.Sample()
		for i := range 30 {
			r := &telemetry.Record{
				Work: telemetry.WorkRequest, ID: fmt.Sprint(s.served), Start: *s.now, Duration: took + time.Duration(i)*took/100, Weight: 1,
				Route: "GET /api/{table}", Table: "posts", Operation: "list", Status: 200,
			}
			if i%5 < failing {
				r.Status, r.Problem, r.Err = 500, errs.Internal, errors.New("boom")
			}
			*s.now = s.now.Add(step / 30)
			s.Take(r)
			if i == 0 { // somebody follows the log in the console
				r.Route, r.Duration = "GET /console/operate/logs", time.Duration(s.served+1)*time.Millisecond
				s.Take(r)
				s.served++
			}
			s.served++
			s.cpu += took.Seconds()
		}
	}
}

// restart ends the process and starts another one. Closing the archive writes what waits.
func (s *server) restart(t *testing.T, folder, build string) *server {
	t.Helper()
	s.Sample()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return startServer(t, folder, s.now, build)
}

// written waits until the archive has everything.
func (s *server) written(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx); err != nil { // a service that ends writes what waits
		t.Fatal(err)
	}
}

// history makes a day of an older build, with requests at the hours that are compared.
func history(t *testing.T, folder string, now *time.Time) *server {
	t.Helper()
	*now = noon.Add(-day - time.Hour)
	old := startServer(t, folder, now, "v1")
	old.serve(150*time.Minute, 10*time.Millisecond, 0)
	*now = noon.Add(-time.Hour)
	old.serve(time.Hour, 10*time.Millisecond, 0)
	return old
}

func TestADeployThatFailsIsAuditedAndTold(t *testing.T) {
	folder, now := t.TempDir(), noon
	fresh := history(t, folder, &now).restart(t, folder, "v2 <b>")
	var told []Alert
	cfg := Config{Archive: fresh.Archive, Node: "one", Alert: func(a Alert) { told = append(told, a) }, Now: func() time.Time { return now }}
	service := NewService(cfg)
	look := func() {
		t.Helper()
		if err := service.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	fresh.serve(30*time.Minute, 10*time.Millisecond, 1)
	fresh.Sample()
	fresh.written(t)
	look()
	if len(told) > 0 {
		t.Fatalf("an audit came before its time: %+v", told)
	}
	now = now.Add(time.Minute)
	look()
	fresh.written(t)
	look() // only once
	if len(told) != 1 || !told[0].Firing || !told[0].Since.Equal(now) {
		t.Fatalf("told: %+v", told)
	}
	const want = "deploy of build v1 → v2 <b>: failed requests 0 % → 20 %, failed requests of GET /api/{table} 0 % → 20 %"
	if got := told[0].Audit.Summary(); got != want {
		t.Errorf("the summary is\n%s, want\n%s", got, want)
	}
	audits, err := Audits(t.Context(), fresh.Archive, noon, now.Add(time.Minute))
	if err != nil || len(audits) != 1 {
		t.Fatalf("Audits = %+v, %v", audits, err)
	}
	if diff := cmp.Diff(told[0].Audit, audits[0]); diff != "" {
		t.Errorf("the audit that is kept differs:\n%s", diff)
	}
	if got := audits[0]; got.Node != "one" || got.Requests < 400 || len(got.Bases) != 2 || !got.At.Equal(noon) {
		t.Errorf("the audit is %+v", got)
	}

	// After a restart the alert still fires, and ends by itself.
	service = NewService(cfg)
	if resumed, fires, err := service.Resume(t.Context()); err != nil || !fires || resumed.Audit.Change != "build v1 → v2 <b>" {
		t.Errorf("Resume = %+v, %v, %v", resumed, fires, err)
	}
	look()
	now = now.Add(day)
	look()
	if len(told) != 2 || told[1].Firing {
		t.Fatalf("after a day: %+v", told)
	}
	fresh.written(t)
	if _, fires, _ := NewService(cfg).Resume(t.Context()); fires {
		t.Error("an alert that is over fires again")
	}
}

func TestTheNextDeployEndsTheAlert(t *testing.T) {
	folder, now := t.TempDir(), noon
	fresh := history(t, folder, &now).restart(t, folder, "v2")
	fresh.serve(31*time.Minute, 10*time.Millisecond, 1)
	fresh.written(t)
	var told []Alert
	cfg := Config{Archive: fresh.Archive, Node: "one", Alert: func(a Alert) { told = append(told, a) }, Now: func() time.Time { return now }}
	if err := NewService(cfg).look(t.Context()); err != nil || len(told) != 1 {
		t.Fatalf("look: %v, told %+v", err, told)
	}
	now = now.Add(time.Hour)
	cfg.Archive = fresh.restart(t, folder, "v3").Archive
	service := NewService(cfg)
	if _, fires, err := service.Resume(t.Context()); err != nil || !fires {
		t.Fatalf("Resume: %v, %v", fires, err)
	}
	if err := service.look(t.Context()); err != nil || len(told) != 2 || told[1].Firing {
		t.Errorf("look: %v, told %+v", err, told)
	}
}

func TestADeployThatChangesNothingIsKept(t *testing.T) {
	folder, now := t.TempDir(), noon
	fresh := history(t, folder, &now).restart(t, folder, "v2")
	fresh.serve(31*time.Minute, 10*time.Millisecond, 0)
	fresh.written(t)
	service := NewService(Config{Archive: fresh.Archive, Node: "one", Alert: func(a Alert) { t.Errorf("told: %+v", a) }, Now: func() time.Time { return now }})
	if err := service.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh.written(t)
	events, err := fresh.Events(t.Context(), noon, now.Add(time.Minute), 10, archive.EventAudit, archive.EventAudited)
	if err != nil || len(events) != 1 || events[0].Kind != archive.EventAudited || !strings.Contains(events[0].Text, "nothing got worse in 4") {
		t.Errorf("events: %+v, %v", events, err)
	}
}

func TestDeploysThatFollowEachOtherAreComparedWithTheTimeBeforeAll(t *testing.T) {
	folder, now := t.TempDir(), noon
	bad := history(t, folder, &now).restart(t, folder, "v2")
	bad.serve(20*time.Minute, 10*time.Millisecond, 1)
	fresh := bad.restart(t, folder, "v3")
	fresh.serve(31*time.Minute, 10*time.Millisecond, 1)
	fresh.written(t)
	var told []Alert
	service := NewService(Config{Archive: fresh.Archive, Node: "one", Alert: func(a Alert) { told = append(told, a) }, Now: func() time.Time { return now }})
	if err := service.look(t.Context()); err != nil || len(told) != 1 {
		t.Errorf("look: %v, told %+v", err, told)
	}
}

func TestWhatIsNotAudited(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T, folder string, now *time.Time) *server
		after time.Duration
	}{
		{"a first start", func(t *testing.T, folder string, now *time.Time) *server { return startServer(t, folder, now, "v1") }, time.Hour},
		{"a restart", func(t *testing.T, folder string, now *time.Time) *server {
			return startServer(t, folder, now, "v1").restart(t, folder, "v1")
		}, time.Hour},
		{"a deploy of long ago", func(t *testing.T, folder string, now *time.Time) *server {
			return startServer(t, folder, now, "v1").restart(t, folder, "v2")
		}, 5 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder, now := t.TempDir(), noon
			fresh := tt.start(t, folder, &now)
			now = now.Add(tt.after)
			service := NewService(Config{Archive: fresh.Archive, Node: "one", Now: func() time.Time { return now }})
			if err := service.look(t.Context()); err != nil || !service.settled {
				t.Errorf("look: %v, settled: %v", err, service.settled)
			}
			if audits, err := Audits(t.Context(), fresh.Archive, noon.Add(-day), now.Add(time.Hour)); err != nil || len(audits) > 0 {
				t.Errorf("Audits = %+v, %v", audits, err)
			}
		})
	}
}

func TestWithoutTelemetryAnAuditWaits(t *testing.T) {
	folder, now := t.TempDir(), noon
	s := startServer(t, folder, &now, "v1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	service := NewService(Config{Archive: s.Archive, Node: "one", Now: func() time.Time { return now }})
	if err := service.look(t.Context()); err == nil || service.settled {
		t.Errorf("look: %v, settled: %v", err, service.settled)
	}
}
