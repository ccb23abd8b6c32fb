package operation_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/api"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

const source = `
ashlar: 1
name: notes
tables:
  notes:
    fields:
      title: {type: text, max: 100}
    access: {read: true, create: true}
`

const passphrase = "a stone set upon another stone"

// A world is a console about what a test has put into its archive.
type world struct {
	*accounttest.Node
	t          *testing.T
	path       string
	archive    *archive.Archive
	traces     *trace.Traces
	objectives *objective.Service
	incidents  operation.Incidents
	advice     *advice
	profiles   operation.Profiles
	costs      operation.Costs
	deploys    *deploys
	sharing    *operation.Sharing
	watchers   *watchers
	handler    http.Handler

	mu     sync.Mutex
	points []telemetry.Point
	clock  time.Time // of the archive while it is filled; zero for the present time
}

// newWorld returns a console on a new database. fill puts records into the archive.
func newWorld(t *testing.T, fill ...func(w *world)) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), archive.FileName), incidents: noIncidents{}, advice: &advice{}, profiles: &profiles{}, deploys: &deploys{}, costs: cost.New(cost.Config{Archive: &sums{}})}
	w.sharing, w.watchers = shared("", fresh()), &watchers{}
	w.traces = trace.New(trace.Config{Keeper: w})
	w.Node = accounttest.New(t, accounttest.SQLite(), source, accounttest.Config{Start: time.Now()})
	for _, each := range fill {
		w.open(telemetry.Process{Node: "node-a", Build: "v1", Revision: "abc"})
		each(w)
		w.shut()
	}
	w.open(telemetry.Process{Node: "node-a", Build: "v2", Revision: "abc"})
	t.Cleanup(w.shut)
	w.objectives = objective.NewService(w.Model.Operate, objective.Config{})
	w.serve(w.objectives)
	return w
}

// serve makes the handler of the console with some objectives.
func (w *world) serve(objectives operation.Objectives) {
	w.t.Helper()
	w.sections(w.config(objectives))
}

// config has all parts of the console.
func (w *world) config(objectives operation.Objectives) operation.Config {
	return operation.Config{
		Records: w.archive, History: w.archive, Traces: w.traces, Kept: w.archive, Objectives: objectives,
		Incidents: w.incidents, Advice: w.advice, Profiles: w.profiles, Costs: w.costs, Deploys: w.deploys, Sharing: w.sharing, Watchers: w.watchers, Roster: roster{lone: true},
		Process: telemetry.Process{Node: "node-a", Build: "v2", Revision: "abc", Started: time.Now()},
	}
}

// sections makes the handler of the console with the sections of a Config.
func (w *world) sections(cfg operation.Config) {
	w.t.Helper()
	pages := console.New(console.Config{
		App: w.Model.Name, Accounts: w.Service, Audit: w.Audit, Keys: w.TokenKeys, Now: w.Clock.Now, Sections: operation.Sections(cfg),
	})
	receiver, err := web.NewReceiver(web.Config{Sinks: []telemetry.Sink{w.archive, w.traces, w.objectives}})
	if err != nil {
		w.t.Fatal(err)
	}
	routes := append(pages.Routes(), api.New(w.Rows, w.Model).Routes()...)
	w.handler = receiver.Handler(web.NewMux(routes...))
}

// PutTrace implements trace.Keeper.
func (w *world) PutTrace(t trace.Trace) {
	w.archive.PutTrace(archive.Trace{ID: t.Trace, Name: t.Name(), Start: t.Start, Duration: t.Duration, Failed: t.Failed, Body: trace.Encode(&t)})
}

func (w *world) open(process telemetry.Process) {
	w.archive = archive.Open(w.path, archive.Config{Process: process, Sample: 1, Points: w.sampled, Now: w.time})
}

func (w *world) shut() {
	if err := w.archive.Close(); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock, w.points = time.Time{}, nil
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.clock.IsZero() {
		return time.Now()
	}
	return w.clock
}

// at sets the clock of the archive.
func (w *world) at(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = now
}

func (w *world) sampled() []telemetry.Point {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.points
}

// sample samples metrics at a time.
func (w *world) sample(at time.Time, points ...telemetry.Point) {
	w.at(at)
	w.mu.Lock()
	w.points = points
	w.mu.Unlock()
	w.archive.Sample()
}

// run lets the archive write what it takes, until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.archive.Run(ctx)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// take gives a record to the archive and to the traces.
func (w *world) take(r *telemetry.Record) {
	w.archive.Take(r)
	w.traces.Take(r)
}

// request returns the record of a request that ended some time ago.
func request(id string, ago, took time.Duration, change func(r *telemetry.Record)) *telemetry.Record {
	r := &telemetry.Record{
		Work: telemetry.WorkRequest, ID: id, Start: time.Now().Add(-ago - took), Duration: took, Weight: 1,
		Method: "GET", Path: "/api/notes", Route: "GET /api/{table}", Status: 200, Remote: "192.0.2.7:5000", Bytes: 512,
		Caller: "user:ada", CallerKind: "user", Table: "notes", Operation: "list", Shape: "list notes", Rows: 30,
	}
	r.Join(telemetry.TraceContext{})
	r.Add(`SELECT id, title FROM "notes" ORDER BY id LIMIT ?`, r.Start.Add(took/5), took/2, 30)
	if change != nil {
		change(r)
	}
	return r
}

// fault makes a record one that failed.
func fault(text string) func(r *telemetry.Record) {
	return func(r *telemetry.Record) {
		r.Status, r.Problem, r.Err = 500, errs.Internal, errs.New(errs.Internal, "%s", text)
	}
}

// busy fills the archive with an hour: 180 quick requests, and 40 slow ones of one key and one route in some minutes.
func busy(w *world) {
	for i := range 180 {
		w.take(request(fmt.Sprintf("quick-%d", i), time.Duration(i)*20*time.Second, time.Duration(1+i%7)*time.Millisecond, func(r *telemetry.Record) {
			r.Caller = fmt.Sprintf("user:u%d", i%9)
		}))
	}
	for i := range 40 {
		w.take(request(fmt.Sprintf("slow-%d", i), 10*time.Minute+time.Duration(i)*6*time.Second, 700*time.Millisecond, func(r *telemetry.Record) {
			r.Caller, r.Key, r.Operation, r.Method, r.Route = "user:u3", "key-hammer", "create", "POST", "POST /api/{table}"
			r.Shape = "create notes"
			if i%4 == 0 {
				fault("disk I/O error at page 17")(r)
			}
		}))
	}
	begin := time.Now().Add(-time.Hour)
	for i := range 240 {
		at, n := begin.Add(time.Duration(i)*15*time.Second), float64(i)/4
		w.sample(at,
			telemetry.Point{Series: `http_server_request_duration_seconds_count{http_route="/api/{table}"}`, Value: 600 * n, Counter: true},
			telemetry.Point{Series: `http_server_requests_total{http_route="/api/{table}",http_response_status_code="5xx"}`, Value: 3 * n, Counter: true},
			telemetry.Point{Series: `http_server_requests_total{http_response_status_code="4xx"}`, Value: 12 * n, Counter: true},
			telemetry.Point{Series: `http_server_request_duration_seconds_bucket{le="0.01"}`, Value: 500 * n, Counter: true},
			telemetry.Point{Series: `http_server_request_duration_seconds_bucket{le="0.1"}`, Value: 600 * n, Counter: true},
			telemetry.Point{Series: `http_server_request_duration_seconds_bucket{le="+Inf"}`, Value: 603 * n, Counter: true},
			telemetry.Point{Series: `process_cpu_seconds_total`, Value: 30 * n, Counter: true},
			telemetry.Point{Series: `process_resident_memory_bytes`, Value: 80e6 + 1e5*n},
			telemetry.Point{Series: `ashlar_database_bytes`, Value: 5e6 + 2e4*n},
			telemetry.Point{Series: `ashlar_wal_bytes`, Value: 1e6 + 5e5*float64(i%50)/7},
		)
	}
	w.archive.PutEvent(archive.Event{At: time.Now().Add(-20 * time.Minute), Kind: "deploy", Text: "build v2 began"})
}

// A visitor is a browser without scripts.
type visitor struct {
	w       *world
	cookies map[string]string
	accept  string
}

// operator makes an operator of a role, and a visitor that is signed in.
func (w *world) operator(role string) *visitor {
	w.t.Helper()
	v := &visitor{w: w, cookies: map[string]string{}}
	secret, err := w.Service.OperatorLink(w.t.Context(), role)
	if err != nil {
		w.t.Fatal(err)
	}
	form := url.Values{"secret": {secret}, "name": {"Op " + role}, "email": {role + "@example.com"}, "password": {passphrase}}
	if a := v.send("POST", "/console/begin", strings.NewReader(form.Encode())); a.Code != http.StatusSeeOther {
		w.t.Fatalf("begin = %d %s", a.Code, a.Body)
	}
	return v
}

func (v *visitor) send(method, path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "127.0.0.1:8080"
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.accept != "" {
		r.Header.Set("Accept", v.accept)
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	v.w.handler.ServeHTTP(rec, r)
	for _, cookie := range rec.Result().Cookies() {
		v.cookies[cookie.Name] = cookie.Value
	}
	return rec
}

// get returns the page at a path. It fails unless the page has the status and shows the texts.
func (v *visitor) get(path string, status int, texts ...string) string {
	v.w.t.Helper()
	a := v.send("GET", path, nil)
	body := a.Body.String()
	if a.Code != status {
		v.w.t.Errorf("GET %s = %d, want %d: %.900s", path, a.Code, status, mainOf(body))
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			v.w.t.Errorf("GET %s does not show %q:\n%.3000s", path, text, mainOf(body))
		}
	}
	return body
}

func mainOf(body string) string {
	if _, after, ok := strings.Cut(body, "<main"); ok {
		return after
	}
	return body
}
