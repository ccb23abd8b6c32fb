package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// began is the first moment of the tests, at the begin of an hour.
var began = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// A world is a database with the table, and a clock for all nodes.
type world struct {
	t    *testing.T
	open func() store.DB
	now  time.Time
}

// each runs a test on each engine.
func each(t *testing.T, test func(w *world)) {
	for _, engine := range []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 1}), modeltest.Postgres(postgres.Config{Serializable: true})} {
		t.Run(engine.Name, func(t *testing.T) {
			open := engine.Processes(t)
			db := open()
			if engine.Name == "SQLite" { // it has one process
				open = func() store.DB { return db }
			}
			rules := modeltest.Rules(t, "ashlar: 1\nname: app\n")
			if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
				t.Fatal(err)
			}
			test(&world{t: t, open: open, now: began})
		})
	}
}

// A node is a fleet as one server has it, with what the server counts.
type node struct {
	*Fleet
	requests, failed float64
	memory           float64
	counts           objective.Counts
	alerts           []string
}

func api() objective.Objective {
	return objective.Objective{Name: "api", Kind: objective.Available, Target: 99.9}
}

// start starts a node of a name.
func (w *world) start(name string) *node {
	w.t.Helper()
	n := &node{memory: 100}
	n.Fleet = New(Config{
		Process: telemetry.Process{Node: name, Build: "1.0", Revision: "abc", Started: w.now}, Store: w.open(),
		Now:        func() time.Time { return w.now },
		Objectives: []objective.Objective{api()},
		Points: func() []telemetry.Point {
			return []telemetry.Point{
				{Series: `http_server_request_duration_seconds_count{http_request_method="GET",http_route="/a"}`, Value: n.requests / 4, Counter: true},
				{Series: `http_server_request_duration_seconds_count{http_request_method="GET",http_route="/b"}`, Value: n.requests * 3 / 4, Counter: true},
				{Series: `http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/b",le="0.1"}`, Value: n.requests, Counter: true},
				{Series: `http_server_request_duration_seconds_bucket{le="0.1"}`, Value: n.requests, Counter: true},
				{Series: `http_server_requests_total{http_request_method="GET",http_route="/a",http_response_status_code="5xx"}`, Value: n.failed, Counter: true},
				{Series: `process_resident_memory_bytes`, Value: n.memory},
				{Series: `ashlar_database_bytes`, Value: 5000},
				{Series: `ashlar_table_rows_total{table="secret"}`, Value: 7, Counter: true},
				{Series: `go_goroutines`, Value: math.NaN()},
			}
		},
		Counts: func() []objective.Counts {
			drained := n.counts
			n.counts = objective.Counts{}
			return []objective.Counts{drained}
		},
		Alerts: func(a objective.Alert) { n.alerts = append(n.alerts, fmt.Sprint(a.Key(), " ", a.Firing)) },
	})
	n.clock = func(store.Reader) (time.Time, error) { return w.now, nil }
	n.poll(w.t.Context())
	n.counter.begin(n.now())
	return n
}

// serve counts requests of a node.
func (n *node) serve(good, bad int) {
	n.requests, n.failed = n.requests+float64(good+bad), n.failed+float64(bad)
	n.counts.Merge(&objective.Counts{Good: uint64(good), Bad: uint64(bad), Many: bad > 0})
}

// pass lets time pass until all nodes have shared what they counted.
func (w *world) pass(length time.Duration, nodes ...*node) {
	w.t.Helper()
	w.now = w.now.Add(length)
	for _, n := range nodes {
		n.count(n.now())
		n.write(w.t.Context())
	}
	for _, n := range nodes {
		n.poll(w.t.Context())
	}
}

// chart returns the values of a series, by the minutes since began.
func (w *world) chart(n *node, from time.Duration, step time.Duration, series string) string {
	w.t.Helper()
	lines, err := n.Series(w.t.Context(), began.Add(from), w.now.Add(time.Minute), step, series)
	if err != nil {
		w.t.Fatal(err)
	}
	return chartText(lines)
}

func chartText(lines []archive.Line) string {
	var out []string
	for _, line := range lines {
		for _, v := range line.Values {
			out = append(out, fmt.Sprintf("%v:%v", v.At.Sub(began).Minutes(), v.Last))
		}
	}
	return strings.Join(out, " ")
}

const (
	requestCount = "http_server_request_duration_seconds_count"
	memory       = "process_resident_memory_bytes"
)

func TestChartsOfEachNodeShowAllNodes(t *testing.T) {
	each(t, func(w *world) {
		a, b, c := w.start("a"), w.start("b"), w.start("c")
		a.serve(100, 0)
		b.serve(20, 3)
		w.pass(step, a, b, c)
		c.serve(1, 1)
		c.memory = 50
		w.pass(step, a, b, c)
		w.pass(time.Minute, a, b, c) // until the second step is settled
		for _, n := range []*node{a, b, c} {
			if got := w.chart(n, 0, time.Minute, requestCount); got != "0:123 2:2" {
				w.t.Errorf("requests on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, time.Minute, `http_server_requests_total{http_response_status_code="5xx"}`); got != "0:3 2:1" {
				w.t.Errorf("failed requests on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, time.Minute, "http_server_request_duration_seconds_bucket"); got != "0:123 2:2" {
				w.t.Errorf("bucket on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, time.Minute, memory); got != "0:300 2:250" {
				w.t.Errorf("memory on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, time.Minute, "ashlar_database_bytes"); got != "0:5000 2:5000" {
				w.t.Errorf("size of the database on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, 4*time.Minute, memory); got != "0:250" {
				w.t.Errorf("memory in steps of four minutes on %s: %s", n.cfg.Process.Node, got)
			}
			if got := w.chart(n, 0, time.Minute, "ashlar_table_rows_total"); got != "" {
				w.t.Errorf("a metric that is not shared: %s", got)
			}
			if status := n.Statuses()[0]; status.Total != 125 || status.Bad != 4 {
				w.t.Errorf("objective on %s: %d of %d", n.cfg.Process.Node, status.Bad, status.Total)
			}
			if !n.Several() {
				w.t.Errorf("%s knows no other node", n.cfg.Process.Node)
			}
		}
	})
}

// Rows of hours replace the rows of steps. No count is lost, and none counts twice.
func TestPastHoursAreSummedUpOnce(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.start("a"), w.start("b")
		for range 45 { // an hour and a half
			a.serve(10, 0)
			b.serve(1, 1)
			w.pass(step, a, b)
		}
		w.now = w.now.Add(keepStep - 20*time.Minute)
		for _, n := range []*node{a, b, a} {
			for more := true; more; {
				var err error
				if more, err = n.rollHour(w.t.Context(), w.now); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		steps, hours := w.rows(a)
		if hours != 1 || steps != 30 {
			w.t.Errorf("%d rows of hours, %d of steps", hours, steps)
		}
		want := "0:360 60:180"
		if got := w.chart(a, 0, time.Hour, requestCount); got != want {
			w.t.Errorf("requests: %s, want %s", got, want)
		}
		if got := w.chart(a, 0, time.Hour, memory); got != "0:200 60:200" {
			w.t.Errorf("memory: %s", got)
		}
		late := w.start("late") // a node that could not write for long
		late.counter.step = began
		late.requests = 7
		late.makeRow(false)
		late.write(w.t.Context())
		if _, err := a.rollHour(w.t.Context(), w.now); err != nil {
			w.t.Fatal(err)
		}
		if got := w.chart(a, 0, time.Hour, requestCount); got != "0:367 60:180" {
			w.t.Errorf("requests with a late row: %s", got)
		}
		again := w.start("a") // its objectives come from the rows
		if status := again.Statuses()[0]; status.Total != 45*12 || status.Bad != 45 {
			w.t.Errorf("objective after a restart: %d of %d", status.Bad, status.Total)
		}
	})
}

// rows counts the rows of the table.
func (w *world) rows(n *node) (steps, hours int) {
	w.t.Helper()
	err := n.cfg.Store.Read(w.t.Context(), func(r store.Reader) error {
		steps, hours = 0, 0
		count := func(to *int) func(row) { return func(row) { *to++ } }
		if err := readRows(r, stepTier, time.Unix(0, 0), w.now.Add(time.Hour), count(&steps)); err != nil {
			return err
		}
		return readRows(r, hourTier, time.Unix(0, 0), w.now.Add(time.Hour), count(&hours))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return steps, hours
}

func (n *node) names() string {
	var list []string
	for _, each := range n.Nodes() {
		text := each.Name
		if !each.Alive {
			text += " lost"
		}
		if each.Own {
			text += " own"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func TestNodesComeAndGo(t *testing.T) {
	each(t, func(w *world) {
		a := w.start("a")
		w.pass(step, a)
		if got := a.names(); got != "a own" || a.Several() {
			w.t.Errorf("alone: %s, %v", got, a.Several())
		}
		b, c := w.start("b"), w.start("c")
		w.pass(step, a, b, c)
		if got := b.names(); got != "a, b own, c" {
			w.t.Errorf("three: %s", got)
		}
		c.finish(w.now) // it stops
		c.write(w.t.Context())
		w.pass(step, a, b)
		if got := b.names(); got != "a, b own" {
			w.t.Errorf("after one stopped: %s", got)
		}
		w.pass(aliveFor+step, a) // b is killed
		if got := a.names(); got != "a own, b lost" || !a.Several() {
			w.t.Errorf("after one was killed: %s, %v", got, a.Several())
		}
		a.cfg.Process.Started = w.now
		again := w.start("b")
		w.pass(step, a, again)
		if got := a.names(); got != "a own, b" {
			w.t.Errorf("after it came back: %s", got)
		}
		w.pass(lostFor+time.Hour+step, a)
		w.pass(step, a)
		if got := a.names(); got != "a own" || a.Several() {
			w.t.Errorf("a day later: %s, %v", got, a.Several())
		}
	})
}

// A server that starts again is one node, and two containers of one name are two.
func TestTwoProcessesOfOneName(t *testing.T) {
	each(t, func(w *world) {
		before := w.start("a")
		w.pass(step, before)
		now := w.start("a")
		w.pass(step, now)
		w.pass(step, now)
		if got := now.names(); got != "a own" || now.Several() {
			w.t.Errorf("after a restart: %s, %v", got, now.Several())
		}
		other := w.start("a")
		w.pass(step, now, other)
		w.pass(step, now, other)
		w.pass(step, now, other)
		if got := strings.ReplaceAll(now.names(), " own", ""); got != "a, a" || !now.Several() {
			w.t.Errorf("two of one name: %s, %v", got, now.Several())
		}
	})
}

// While the database is away, rows wait. They keep their time.
func TestRowsWaitForTheDatabase(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.start("a"), w.start("b")
		db := a.cfg.Store
		var away atomic.Bool
		a.cfg.Store = broken{db, &away}
		var log strings.Builder
		a.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		away.Store(true)
		for range 8 {
			a.serve(1, 1)
			w.pass(step, a, b)
		}
		if got := w.chart(b, 0, 4*time.Minute, requestCount); strings.Contains(got, ":2") {
			w.t.Errorf("requests of a node without the database: %s", got)
		}
		away.Store(false)
		w.pass(step, a, b)
		w.pass(time.Minute, a, b)
		if got := w.chart(b, 0, 4*time.Minute, requestCount); got != "0:4 4:4 8:4 12:4 16:0" {
			w.t.Errorf("requests: %s", got)
		}
		w.pass(fullRead, a, b) // the other node looks for late rows once an hour
		w.pass(step, a, b)
		if status := b.Statuses()[0]; status.Total != 16 || status.Bad != 8 {
			w.t.Errorf("objective: %d of %d", status.Bad, status.Total)
		}
		if n := strings.Count(log.String(), "\n"); n != 3 { // writes fail, reads fail, writes work again
			w.t.Errorf("the log has %d lines:\n%s", n, log.String())
		}
		for _, line := range shownLines(t) {
			if !regexp.MustCompile(line).MatchString(log.String()) {
				w.t.Errorf("docs/operating.md shows a line like %s, but the log has\n%s", line, log.String())
			}
		}
	})
}

// shownLines returns patterns of the lines of the log that docs/operating.md shows about several nodes.
func shownLines(t *testing.T) (patterns []string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Several nodes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "level=") {
			pattern := strings.Replace(regexp.QuoteMeta(strings.TrimSpace(line)), `"…"`, `".+"`, 1)
			patterns = append(patterns, regexp.MustCompile(`steps=\d+`).ReplaceAllString(pattern, `steps=\d+`))
		}
	}
	if len(patterns) < 2 {
		t.Fatalf("the page shows %d lines", len(patterns))
	}
	return patterns
}

// broken is a database that may be away.
type broken struct {
	store.DB
	away *atomic.Bool
}

func (b broken) Write(ctx context.Context, f func(store.Tx) error) error {
	if b.away.Load() {
		return fmt.Errorf("away")
	}
	return b.DB.Write(ctx, f)
}

func (b broken) Read(ctx context.Context, f func(store.Reader) error) error {
	if b.away.Load() {
		return fmt.Errorf("away")
	}
	return b.DB.Read(ctx, f)
}

// Failures that are too few on each node are an alert about all of them.
func TestAlertsAboutAllNodes(t *testing.T) {
	each(t, func(w *world) {
		nodes := []*node{w.start("a"), w.start("b"), w.start("c")}
		for range 20 {
			for _, n := range nodes {
				n.serve(0, 1)
			}
			w.pass(step, nodes...)
		}
		for _, n := range nodes {
			if want := []string{"api/available/page true"}; !cmp.Equal(n.alerts, want) {
				w.t.Errorf("alerts on %s: %v", n.cfg.Process.Node, n.alerts)
			}
			if firing := n.Firing(); len(firing) != 1 {
				w.t.Errorf("firing on %s: %v", n.cfg.Process.Node, firing)
			}
		}
		for range 20 {
			for _, n := range nodes {
				n.serve(100, 0)
			}
			w.pass(step, nodes...)
		}
		for _, n := range nodes {
			if want := []string{"api/available/page true", "api/available/page false"}; !cmp.Equal(n.alerts, want) {
				w.t.Errorf("alerts on %s: %v", n.cfg.Process.Node, n.alerts)
			}
		}
	})
}

// One node alone leaves alerts to its own evaluator, which is quicker.
func TestOneNodeTellsOfNoAlert(t *testing.T) {
	each(t, func(w *world) {
		a := w.start("a")
		for range 20 {
			a.serve(0, 5)
			w.pass(step, a)
		}
		if len(a.alerts) != 0 || len(a.Firing()) != 0 {
			w.t.Errorf("alerts: %v", a.alerts)
		}
	})
}

func TestRowsOfOtherReleasesAreSkipped(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.start("a"), w.start("b")
		a.serve(5, 0)
		w.pass(step, a, b)
		for i, sums := range []string{`{"c":{"new:x":1,"later":2},"o":{"other/kind":[1,2,3,4,5,6]},"future":[]}`, `[]`, `not json`, ``} {
			strange := row{id: idAt(stepTier, began).Text + fmt.Sprintf("-other.%d", i), node: "c", started: began}
			err := b.cfg.Store.Write(w.t.Context(), func(tx store.Tx) error {
				if err := strange.insert(tx, began); err != nil {
					return err
				}
				_, err := tx.Exec(updateHour, []value.Value{value.OfText(sums), value.OfTimestamp(0), value.OfInt(1), value.OfText(strange.id)})
				return err
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
		w.pass(time.Minute, a, b)
		if got := w.chart(a, 0, step, requestCount); got != "0:5" {
			w.t.Errorf("requests: %s", got)
		}
		if got := a.names(); got != "a own, b, c" {
			w.t.Errorf("nodes: %s", got)
		}
		w.now = w.now.Add(2 * keepStep)
		if _, err := a.rollHour(w.t.Context(), w.now); err != nil {
			w.t.Error(err)
		}
		if got := w.chart(a, 0, time.Hour, requestCount); got != "0:5" {
			w.t.Errorf("requests of the hour: %s", got)
		}
	})
}

// kept is the telemetry database of a node.
type kept struct {
	events    []archive.Event
	groups    []archive.ErrorGroup
	incidents []archive.Incident
}

func (k *kept) Events(context.Context, time.Time, time.Time, int, ...string) ([]archive.Event, error) {
	return slices.Clone(k.events), nil
}

func (k *kept) Errors(context.Context, time.Time) ([]archive.ErrorGroup, error) {
	return slices.Clone(k.groups), nil
}

func (k *kept) Incidents(context.Context, time.Time, time.Time, int) ([]archive.Incident, error) {
	return slices.Clone(k.incidents), nil
}

func TestEventsErrorsAndIncidentsOfAllNodes(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.start("a"), w.start("b")
		ownA, ownB := &kept{}, &kept{}
		a.cfg.Archive, b.cfg.Archive = ownA, ownB
		ownA.events = []archive.Event{{At: w.now.Add(time.Minute), Kind: "deploy", Text: "v1 → v2"}, {At: w.now, Kind: archive.EventError, Text: "has a group"}}
		ownB.events = []archive.Event{{At: w.now.Add(2 * time.Minute), Kind: "disk", Text: "full"}}
		ownA.groups = []archive.ErrorGroup{{ID: 7, Kind: "internal", First: w.now, Last: w.now, Count: 3, Build: "v1"}}
		ownB.groups = []archive.ErrorGroup{{ID: 7, Kind: "internal", First: w.now.Add(time.Second), Last: w.now.Add(time.Minute), Count: 2, Build: "v2"}, {ID: 8, Kind: "panic", First: w.now, Last: w.now, Count: 1}}
		ownB.incidents = []archive.Incident{{ID: 1, Opened: w.now, State: "open", Source: "api", Title: "api: 60 requests failed", Details: "secret"}}
		tell := func() {
			w.pass(step, a, b)
			a.tell(w.t.Context())
			b.tell(w.t.Context())
		}
		tell()
		events, err := a.Events(w.t.Context(), began, w.now.Add(time.Hour), 10)
		var got []string
		for _, e := range events {
			got = append(got, e.Node+" "+e.Kind+" "+e.Text)
		}
		if want := []string{"b disk full", "a deploy v1 → v2", "a error has a group"}; err != nil || !cmp.Equal(got, want) {
			w.t.Errorf("events: %q, %v", got, err)
		}
		if events, err := a.Events(w.t.Context(), began, w.now.Add(time.Hour), 10, "disk"); err != nil || len(events) != 3 { // the fake filters nothing
			w.t.Errorf("events of a kind: %v, %v", events, err)
		}
		groups := func(n *node) (all []string) {
			w.t.Helper()
			list, err := n.Errors(w.t.Context(), began.Add(-time.Hour))
			if err != nil {
				w.t.Fatal(err)
			}
			for _, g := range list {
				all = append(all, fmt.Sprintf("%d ×%d %s", g.ID, g.Count, g.Build))
			}
			slices.Sort(all)
			return all
		}
		for _, n := range []*node{a, b} {
			if want := []string{"7 ×5 v1", "8 ×1 "}; !cmp.Equal(groups(n), want) {
				w.t.Errorf("errors on %s: %q", n.cfg.Process.Node, groups(n))
			}
		}
		incidents, err := a.Incidents(w.t.Context(), began.Add(-time.Hour))
		if err != nil || len(incidents) != 1 || incidents[0].Node != "b" || incidents[0].Title != "api: 60 requests failed" || incidents[0].Details != "" {
			w.t.Errorf("incidents: %+v, %v", incidents, err)
		}
		ownB.incidents[0].State, ownB.incidents[0].Closed = "closed", w.now
		ownB.groups[0].Count, ownB.groups[1].Count = 100, 100
		tell()
		if incidents, err := a.Incidents(w.t.Context(), began.Add(-time.Hour)); err != nil || len(incidents) != 1 || incidents[0].State != "closed" {
			w.t.Errorf("the closed incident: %+v, %v", incidents, err)
		}
		if want := []string{"7 ×5 v1", "8 ×1 "}; !cmp.Equal(groups(a), want) {
			w.t.Errorf("counts are written too often: %q", groups(a))
		}
		w.now = w.now.Add(rareUpdate)
		tell()
		if want := []string{"7 ×103 v1", "8 ×100 "}; !cmp.Equal(groups(a), want) {
			w.t.Errorf("errors after a while: %q", groups(a))
		}
	})
}

// However much happens on a node, it writes few things. The rest follows, or is left out.
func TestANodeTellsFewThings(t *testing.T) {
	each(t, func(w *world) {
		a := w.start("a")
		own := &kept{}
		for i := range 300 {
			own.events = append(own.events, archive.Event{At: w.now, Kind: "limit", Text: fmt.Sprint("storm ", i)})
			own.groups = append(own.groups, archive.ErrorGroup{ID: int64(i), First: w.now, Last: w.now, Count: 1})
		}
		a.cfg.Archive = own
		for range 4 { // the reads of one step
			a.tell(w.t.Context())
		}
		if n := a.things(w); n != thingsAStep {
			w.t.Errorf("%d things in one step", n)
		}
		w.pass(step, a)
		a.tell(w.t.Context())
		if n := a.things(w); n != 2*thingsAStep {
			w.t.Errorf("%d things in two steps", n)
		}
		again := w.start("a") // knows nothing of what it told
		again.cfg.Archive = own
		again.tell(w.t.Context())
		if n := a.things(w); n != 2*thingsAStep {
			w.t.Errorf("%d things after a restart", n)
		}
	})
}

// things counts the rows of the table.
func (n *node) things(w *world) (count int64) {
	w.t.Helper()
	err := n.cfg.Store.Read(w.t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT count(*) FROM ashlar_happenings`, nil, func(row value.Row) error {
			count = row.Int(0)
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return count
}
