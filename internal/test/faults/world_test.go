// Package faults seeds faults into running apps, and looks whether their incidents name the cause.
package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// A world is an app with an hour of healthy requests behind it.
type world struct {
	t     *testing.T
	dir   string
	model string
	cfg   app.Config
	shift atomic.Int64 // of the clock of the app

	app    *app.App
	base   string
	stop   func()
	pages  chan string // bodies of the webhook
	tokens sync.Map    // by user
	turn   atomic.Int64

	healthy func(w *world) // some requests of everyday life
}

// newWorld makes the world of a model, and lets its healthy requests come for an hour. The hour is made of the records of a few
// requests, which are repeated in the telemetry database. prepare gets the app before the first request.
func newWorld(t *testing.T, model string, cfg app.Config, prepare, healthy func(w *world)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), model: model, cfg: cfg, pages: make(chan string, 10), healthy: healthy}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ Type string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		w.pages <- body.Type
	}))
	t.Cleanup(hook.Close)
	t.Setenv("ALERT_URL", hook.URL)
	if w.cfg.Data == "" {
		w.cfg.Data = filepath.Join(w.dir, "data")
	}
	if w.cfg.Version == "" {
		w.cfg.Version = "v1"
	}
	w.cfg.Telemetry, w.cfg.Now, w.cfg.Grace = 64<<20, w.now, 5*time.Second
	w.start()
	t.Cleanup(func() { w.stop() })
	if prepare != nil {
		prepare(w)
	}
	for range 10 {
		healthy(w)
	}
	w.stop()
	w.plant()
	w.start()
	for range 10 {
		healthy(w)
	}
	w.app.Watch.Look(t.Context())
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.shift.Load())) }

// start starts the app with its present model and settings.
func (w *world) start() {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "ashlar.yaml"), []byte(w.model), 0o644); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	loaded, err := app.Load(w.dir)
	if err == nil {
		w.app, err = app.Open(ctx, loaded, w.cfg)
	}
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		w.t.Fatal(errors.Join(err, w.app.Close()))
	}
	w.base = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	server := w.app
	go func() { served <- server.Serve(ctx, ln) }()
	w.stop = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		<-served
	})
}

// restart stops the app, and starts it after change.
func (w *world) restart(change func()) {
	w.stop()
	change()
	w.start()
}

// plant replaces the telemetry of the stopped app by an hour of its requests, and the history of its objectives.
func (w *world) plant() {
	w.t.Helper()
	path := filepath.Join(w.cfg.Data, archive.FileName)
	former := archive.Open(path, archive.Config{})
	page, err := former.Records(w.t.Context(), archive.Filter{Where: []archive.Condition{{Dimension: archive.Work, Values: []string{string(telemetry.WorkRequest)}}}}, 0, 200)
	if err := errors.Join(err, former.Close()); err != nil {
		w.t.Fatal(err)
	}
	if len(page.Records) == 0 {
		w.t.Fatal("the first server kept no record")
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			w.t.Fatal(err)
		}
	}
	const hour, step = time.Hour, 3 * time.Second
	first := page.Records[0]
	begin := time.Now().Add(-hour)
	past := archive.Open(path, archive.Config{Process: telemetry.Process{Node: first.Node, Build: first.Build, Revision: first.Revision, Started: begin}})
	n := 0
	for at := begin; time.Since(at) > 5*time.Second; at = at.Add(step) {
		past.Take(recordOf(&page.Records[n%len(page.Records)], at, n))
		n++
	}
	if err := past.Close(); err != nil {
		w.t.Fatal(err)
	}
	list := objective.Of(w.app.Operate)
	evaluator := objective.NewEvaluator(list, begin)
	for i := range list {
		for at := begin; time.Since(at) > time.Minute; at = at.Add(time.Minute) {
			evaluator.Add(i, at, objective.Counts{Good: 2})
		}
	}
	name := "objectives"
	if w.cfg.Database != "" {
		name += "-" + first.Node
	}
	if err := os.WriteFile(filepath.Join(w.cfg.Data, name), evaluator.Encode(), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// recordOf returns a record as it was, at another time.
func recordOf(r *archive.Record, at time.Time, n int) *telemetry.Record {
	return &telemetry.Record{
		Work: telemetry.Work(r.Work), ID: fmt.Sprintf("%s-%d", r.ID, n), Start: at, Duration: r.Duration, Weight: 1, Method: r.Method, Path: r.Path,
		Route: r.Route, Status: r.Status, Remote: r.Remote, Caller: r.Caller, CallerKind: r.Kind, Key: r.Key, Table: r.Table,
		Statements: telemetry.Statements{Count: r.Statements, Took: r.StatementTime}, Queue: r.Queue,
		Operation: r.Operation, Shape: r.Shape, Cache: r.Cache, Rows: r.Rows, Received: r.Received, Bytes: r.Bytes, Problem: errs.Kind(r.Problem),
	}
}

// patience bounds the wait for an incident.
const patience = 60 * time.Second

// incident sends requests until the evaluator pages somebody and an incident is open. It returns the report.
func (w *world) incident(requests func()) incident.Report {
	w.t.Helper()
	begin := time.Now()
	for time.Since(begin) < patience {
		requests()
		w.app.Watch.Look(w.t.Context())
		w.app.Objectives.Evaluate()
		if len(w.app.Objectives.Firing()) == 0 {
			continue
		}
		list, err := w.app.Incidents.List(w.t.Context(), w.now().Add(-time.Hour), w.now().Add(time.Hour), 1)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) == 0 {
			continue
		}
		w.app.Watch.Look(w.t.Context())
		return w.report(list[0].ID)
	}
	w.t.Fatalf("no incident was opened; the objectives are %+v", w.app.Objectives.Statuses())
	return incident.Report{}
}

// byHand opens an incident as a person does whom users call.
func (w *world) byHand(title string) incident.Report {
	w.t.Helper()
	id, err := w.app.Incidents.Open(w.t.Context(), incident.Draft{Title: title, Author: "operator"})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.report(id)
}

func (w *world) report(id int64) incident.Report {
	w.t.Helper()
	w.app.Archive.Flush()
	r, err := w.app.Incidents.Report(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// send sends a request, and returns its status, 0 if there was no answer.
func (w *world) send(user, method, path, body string) int {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return 0
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		r.Header.Set("Authorization", "Bearer "+w.token(user))
	}
	answer, err := http.DefaultTransport.RoundTrip(r) // follows no redirect to a provider
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// many sends the same request at once, n times.
func (w *world) many(n int, user, method, path, body string) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { w.send(user, method, path, body) })
	}
	wg.Wait()
}

// together lets several clients do the same at once.
func (w *world) together(do func(*world), n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { do(w) })
	}
	wg.Wait()
}

// somebody returns the next of a few users.
func (w *world) somebody() string { return userID(int(w.turn.Add(1) % 5)) }

func userID(n int) string { return fmt.Sprintf("018f0000-0000-7000-8000-%012d", n) }

func (w *world) token(user string) string {
	if known, ok := w.tokens.Load(user); ok {
		return known.(string)
	}
	signed, err := w.app.Keys.Sign(caller.Identity{ID: user}, 24*time.Hour, time.Now())
	if err != nil {
		w.t.Error(err)
	}
	w.tokens.Store(user, signed)
	return signed
}
