package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A fault is what goes wrong in a world.
type fault struct {
	name  string
	kind  objective.Kind
	begin func(w *world)                      // at noon
	bad   func(w *world, r *telemetry.Record) // of each request from then on
	rate  float64                             // requests a second from then on; default: 2, as before
	words []string                            // that name the cause
}

// faults are what an app may suffer from. Beside each cause there is a deploy of half an hour ago, and an error that is old.
func faults() []fault {
	const second = time.Second
	event := func(kind, text string) func(w *world) { return func(w *world) { w.event(kind, text) } }
	return []fault{
		{"a bad build, on one table", objective.Available, func(w *world) { w.start("v3") }, func(_ *world, r *telemetry.Record) {
			if r.Table == "files" {
				fail(r, errs.Internal, "nil map")
			}
		}, 0, []string{"v2 → v3"}},
		{"a bad build, on one of two nodes", objective.Available, nil, func(w *world, r *telemetry.Record) {
			if w.build == "v3" {
				fail(r, errs.Internal, "nil map")
			}
			if w.count%40 == 0 { // the two take turns, each 20 seconds
				w.start(map[string]string{"v2": "v3", "v3": "v2"}[w.build])
			}
		}, 0, []string{"build v3"}},
		{"a model with a slow rule", objective.Fast, func(w *world) { w.model = "m2"; w.start("v2") }, func(_ *world, r *telemetry.Record) {
			if r.Operation == "list" {
				slow(r, second)
			}
		}, 0, []string{"m1 → m2"}},
		{"a missing index", objective.Fast, nil, func(_ *world, r *telemetry.Record) {
			if r.Shape == "list posts 1" {
				slow(r, 2*second)
			}
		}, 0, []string{"list posts 1"}},
		{"one key hammers, and everybody waits", objective.Fast, nil, func(w *world, r *telemetry.Record) {
			if w.random.IntN(10) < 8 {
				r.Key, r.Caller, r.Remote = "key7", "user:7", "192.0.2.7:99"
			}
			if w.random.IntN(3) == 0 {
				r.Duration, r.Queue = second, 900*time.Millisecond
			}
		}, 12, []string{"key7"}},
		{"one key fails", objective.Available, nil, func(_ *world, r *telemetry.Record) {
			if r.Key == "key4" {
				fail(r, errs.Internal, "no")
			}
		}, 0, []string{"key4"}},
		{"another process holds the lock of the database", objective.Available, event(archive.EventLock, "Writes waited 5 s for another process."), func(_ *world, r *telemetry.Record) {
			if r.Operation == "create" {
				fail(r, errs.Unavailable, "the database is locked")
			}
		}, 0, []string{"another process"}},
		{"the disk is full", objective.Available, event(archive.EventDisk, "The disk of the database is full."), func(_ *world, r *telemetry.Record) {
			if r.Operation == "create" {
				fail(r, errs.Unavailable, "database or disk is full")
			}
		}, 0, []string{"disk"}},
		{"the disk is full, and no event says so", objective.Available, nil, func(_ *world, r *telemetry.Record) {
			if r.Operation == "create" {
				fail(r, errs.Unavailable, "database or disk is full")
			}
		}, 0, []string{"disk is full"}},
		{"the database is away", objective.Available, event(archive.EventDatabase, "The database does not answer."), func(_ *world, r *telemetry.Record) {
			fail(r, errs.Unavailable, "connection refused")
		}, 0, []string{"does not answer"}},
		{"the clock jumps", objective.Available, event(archive.EventClock, "The clock jumped forward by 2 h 3 min."), func(w *world, r *telemetry.Record) {
			if w.random.IntN(4) == 0 {
				fail(r, errs.Internal, "the snapshot is from the future")
			}
		}, 0, []string{"clock"}},
		{"a certificate has expired", objective.Available, event(archive.EventCertificate, "The certificate of the database expired 2 min ago."), func(w *world, r *telemetry.Record) {
			if w.random.IntN(2) == 0 {
				fail(r, errs.Internal, "x509: certificate has expired or is not yet valid")
			}
		}, 0, []string{"certificate"}},
		{"a migration changed a table", objective.Fast, event(archive.EventMigration, "Table posts: dropped the index on [team, rank]."), func(_ *world, r *telemetry.Record) {
			if r.Table == "posts" && r.Operation == "list" {
				slow(r, second)
			}
		}, 0, []string{"dropped the index"}},
		{"the bulk writes of one caller saturate the writer", objective.Fast, nil, func(w *world, r *telemetry.Record) {
			if w.random.IntN(4) > 0 {
				r.Operation, r.Table, r.Shape, r.Caller, r.Key, r.Method = "create", "tags", "create tags 0", "service:importer", "", "POST"
				r.Remote, r.Route, r.Statements.Took = "192.0.2.99:1", "POST /api/{table}", 20*time.Millisecond
			}
			if r.Operation == "create" {
				r.Duration, r.Queue = second, 950*time.Millisecond
			}
		}, 10, []string{"service:importer"}},
		{"a costly filter of one caller", objective.Fast, nil, func(w *world, r *telemetry.Record) {
			if w.random.IntN(12) == 0 {
				r.Table, r.Operation, r.Shape, r.Caller, r.Key = "posts", "list", "list posts filter(text.contains(arg.t))", "user:3", ""
				slow(r, 4*second)
			}
		}, 0, []string{"filter(text.contains(arg.t))"}},
		{"a sign-in provider is away", objective.Available, nil, func(w *world, r *telemetry.Record) {
			if w.random.IntN(8) == 0 {
				r.Table, r.Operation, r.Shape, r.Route, r.Path, r.Method = "", "", "", "POST /auth/providers/{name}", "/auth/providers/example", "POST"
				fail(r, errs.Unavailable, "dial tcp 203.0.113.7:443: connection refused")
			}
		}, 0, []string{"/auth/providers"}},
		{"the pool has one connection", objective.Fast, event(archive.EventSetting, "Setting readers: 8 → 1."), func(w *world, r *telemetry.Record) {
			if w.random.IntN(2) == 0 {
				r.Duration, r.Queue = second, 950*time.Millisecond
			}
		}, 0, []string{"readers"}},
		{"the pool has one connection, and no event says so", objective.Fast, nil, func(w *world, r *telemetry.Record) {
			if w.random.IntN(2) == 0 {
				r.Duration, r.Queue = second, 950*time.Millisecond
			}
		}, 0, []string{"wait for their turn"}},
		{"one node of two is ill", objective.Available, nil, func(w *world, r *telemetry.Record) {
			if w.node == "two" {
				fail(r, errs.Internal, "input/output error")
			}
			if w.count%40 == 0 {
				w.node = map[string]string{"one": "two", "two": "one"}[w.node]
				w.start(w.build)
			}
		}, 0, []string{"node two"}},
	}
}

// TestTheCauseIsAmongTheFirstThreeLines seeds faults into traffic with much else.
func TestTheCauseIsAmongTheFirstThreeLines(t *testing.T) {
	effort.SkipRaced(t)
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			w.now = noon.Add(-70 * time.Minute)
			usual := func(r *telemetry.Record) {
				if w.count%500 == 0 {
					fail(r, errs.Internal, "the answer was too long")
				}
			}
			w.until(noon.Add(-30*time.Minute), 2, usual)
			w.start("v2")
			w.until(noon, 2, usual)
			if f.begin != nil {
				f.begin(w)
			}
			bad := func(r *telemetry.Record) {
				usual(r)
				f.bad(w, r)
			}
			w.until(noon.Add(3*time.Minute), max(f.rate, 2), bad)
			w.alert(f.kind)
			w.until(noon.Add(6*time.Minute), max(f.rate, 2), bad)
			r := w.report()
			r.names(t, 3, f.words...)
			if away := r.From.Sub(noon).Abs(); away > time.Minute {
				t.Errorf("the incident began at %s, not at noon", r.From.Format(time.TimeOnly))
			}
			if r.Bad == 0 || r.Total < r.Bad || len(r.Chart.Total) == 0 {
				t.Errorf("%v of %v requests are bad", r.Bad, r.Total)
			}
			if testing.Verbose() {
				r.log(t)
			}
		})
	}
}

// Without anything to find, nothing is claimed with certainty.
func TestHealthyTrafficExplainsNothing(t *testing.T) {
	w := newWorld(t)
	w.now = noon.Add(-70 * time.Minute)
	w.until(noon, 2, nil)
	if _, err := w.Open(t.Context(), Draft{Title: "somebody complains", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	r := w.report()
	if len(r.Causes) > 0 || r.Bad > 0 {
		t.Errorf("causes: %+v", r.Causes)
	}
}

func TestRankVariesTheRules(t *testing.T) {
	var causes []Cause
	for i, score := range []float64{0.9, 0.89, 0.88} {
		causes = append(causes, Cause{Rule: Moment, Text: fmt.Sprint("event ", i), Score: score})
	}
	causes = append(causes,
		Cause{Rule: Value, Text: "a value", Score: 0.8, Dimension: archive.Key, Value: "k"},
		Cause{Rule: Traffic, Text: "the value again", Score: 0.7, Dimension: archive.Key, Value: "k"},
	)
	var texts []string
	for _, c := range rank(causes) {
		texts = append(texts, c.Text)
	}
	if got := strings.Join(texts, ", "); got != "event 0, a value, event 1, event 2" {
		t.Errorf("rank = %s", got)
	}
}
