package incident

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// noon is when the faults of tests begin.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// A world is an app with an archive, at a time that the test sets.
type world struct {
	*Service
	t      testing.TB
	path   string
	random *rand.Rand
	now    time.Time
	node   string
	build  string
	model  string
	count  int

	firing []objective.Alert
	losses []objective.Loss
}

// newWorld returns the world of build v1, which began two days ago.
func newWorld(t testing.TB) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), archive.FileName), random: rand.New(rand.NewPCG(1, 2)), node: "one", model: "m1"}
	w.now = noon.Add(-48 * time.Hour)
	w.start("v1")
	t.Cleanup(w.stop)
	return w
}

// Firing and Losses implement Objectives.
func (w *world) Firing() []objective.Alert                  { return w.firing }
func (w *world) Losses(from, to time.Time) []objective.Loss { return w.losses }

// start begins a process with a build.
func (w *world) start(build string) {
	if w.Service != nil {
		w.stop()
	}
	w.build = build
	a := archive.Open(w.path, archive.Config{
		Process: telemetry.Process{Node: w.node, Build: build, Revision: w.model, Started: w.now}, Sample: 1, Now: w.clock,
	})
	w.Service = New(a, w, Config{Now: w.clock})
}

func (w *world) clock() time.Time { return w.now }

func (w *world) stop() {
	if err := w.archive.Close(); err != nil {
		w.t.Error(err)
	}
}

// event notes an event at the present time.
func (w *world) event(kind, text string) {
	w.archive.PutEvent(archive.Event{At: w.now, Kind: kind, Text: text})
}

// until lets requests come until a time, so many a second. change makes some of them bad.
func (w *world) until(end time.Time, rate float64, change func(r *telemetry.Record)) {
	w.t.Helper()
	step := time.Duration(float64(time.Second) / rate)
	for ; w.now.Before(end); w.now = w.now.Add(step) {
		r := w.request()
		if change != nil {
			change(r)
		}
		r.Start = w.now.Add(-r.Duration)
		w.archive.Take(r)
		if w.count%2000 == 0 {
			w.archive.Flush()
		}
	}
	w.now = end
	w.archive.Flush()
	if dropped := w.archive.Dropped(); dropped > 0 {
		w.t.Fatalf("%d records are dropped", dropped)
	}
}

// request returns a healthy request: one of 20 callers, of five tables and of ten shapes.
func (w *world) request() *telemetry.Record {
	w.count++
	table := []string{"posts", "users", "comments", "tags", "files"}[w.random.IntN(5)]
	operation := []string{"list", "list", "list", "get", "create"}[w.random.IntN(5)]
	caller := w.random.IntN(20)
	took := time.Duration(1+w.random.IntN(9)) * time.Millisecond
	r := &telemetry.Record{
		Work: telemetry.WorkRequest, ID: fmt.Sprint("r", w.count), Duration: took, Status: 200, Weight: 1,
		Method: "GET", Route: "GET /api/{table}", Path: "/api/" + table, Table: table, Operation: operation,
		Caller: fmt.Sprint("user:", caller), CallerKind: "user", Remote: fmt.Sprintf("192.0.2.%d:99", caller),
	}
	if caller%2 == 0 {
		r.Key = fmt.Sprint("key", caller)
	}
	switch operation {
	case "create":
		r.Method, r.Route = "POST", "POST /api/{table}"
	case "get":
		r.Route, r.Path = "GET /api/{table}/{id}", r.Path+"/7"
	}
	r.Shape = fmt.Sprintf("%s %s %d", operation, table, w.random.IntN(2))
	r.Statements.Took = took / 2
	return r
}

// fail makes a request fail.
func fail(r *telemetry.Record, kind errs.Kind, text string) {
	r.Status, r.Problem, r.Err = 500, kind, errors.New(text)
	if kind == errs.Unavailable {
		r.Status = 503
	}
}

// slow makes a request slow: it runs statements for most of its time.
func slow(r *telemetry.Record, took time.Duration) {
	r.Duration, r.Statements.Took = took, took*9/10
}

// alert lets an alert fire from the present time on.
func (w *world) alert(kind objective.Kind) objective.Alert {
	a := objective.Alert{
		Objective: objective.Objective{Name: "api", Kind: kind, Target: 99.9}, Severity: objective.Page, Firing: true, Since: w.now, At: w.now,
		Window: time.Hour, Bad: 60, Total: 3550,
	}
	if kind == objective.Fast {
		a.Target, a.Below = 99, 300*time.Millisecond
	}
	w.firing = append(w.firing, a)
	return a
}

// report returns the report of the newest incident.
func (w *world) report() Report {
	w.t.Helper()
	if err := w.look(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	list, err := w.List(w.t.Context(), w.now.Add(-time.Hour), w.now.Add(time.Hour), 1)
	if err != nil || len(list) == 0 {
		w.t.Fatalf("there is no incident: %v", err)
	}
	r, err := w.Report(w.t.Context(), list[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// names fails unless one of the first causes has all the words.
func (r *Report) names(t *testing.T, first int, words ...string) {
	t.Helper()
	for _, c := range r.Causes[:min(first, len(r.Causes))] {
		all := true
		for _, word := range words {
			all = all && strings.Contains(c.Text, word)
		}
		if all {
			return
		}
	}
	t.Errorf("the first %d causes do not name %q:", first, words)
	r.log(t)
}

func (r *Report) log(t *testing.T) {
	t.Helper()
	t.Logf("from %s, %v of %v requests", r.From.Format(time.TimeOnly), r.Bad, r.Total)
	for i, c := range r.Causes {
		t.Logf("%d. %.3f %s: %s (%s)", i+1, c.Score, c.Rule, c.Text, c.Figure)
	}
}
