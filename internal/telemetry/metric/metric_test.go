package metric

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/promtest"
)

// fullStore is a database that has every number.
type fullStore struct{}

func (fullStore) Stats() store.Stats {
	return store.Stats{
		Pools:    []store.Pool{{Name: "read", Size: 4, InUse: 1}, {Name: "write"}, {Name: "group"}},
		Writer:   store.Writer{Waiting: 2, Writes: 10, Commits: 4, Waited: time.Second},
		Log:      &store.Log{Pages: 12},
		Size:     4096,
		Free:     1 << 30,
		Replicas: []store.Replica{{Name: "a", Lag: time.Second}, {Name: "a", Lag: 3 * time.Second}, {Name: "b\xff"}},
	}
}

func (fullStore) Writable() error { return nil }

func testConfig() Config {
	return Config{
		Build: "v1", Revision: "r1", Engine: "sqlite",
		Routes: []Route{
			{Pattern: "GET /api/{table}"}, {Pattern: "POST /api/{table}"}, {Pattern: "/api/{table}"},
			{Pattern: "GET /console/users", Path: "/console/*"}, {Pattern: "GET /console/audit", Path: "/console/*"},
		},
		Tables:     []Table{{Name: "posts"}, {Name: "gaps", View: true}, {Name: "posts"}},
		Jobs:       []string{"mail"},
		Fast:       []time.Duration{300 * time.Millisecond},
		Store:      fullStore{},
		Gates:      []Gate{{"read", func() admit.Stats { return admit.Stats{Admitted: 7} }}},
		Objectives: []Objective{{"api", "available"}, {"api", "fast"}},
		BudgetLeft: func() []float64 { return []float64{0.75, -2} },
		Readings:   []Reading{{"ashlar_mails_sent_total", "Mails that were sent.", func() float64 { return 3 }}},
	}
}

// scrape returns the text of a scrape.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("a scrape answers %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// series returns the lines of a scrape that have a value, and how many more there are of the Go runtime and the process.
func series(text string) (own []string, runtime int) {
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "go_"), strings.HasPrefix(line, "process_"):
			runtime++
		default:
			own = append(own, strings.TrimSuffix(line, "\n"))
		}
	}
	return own, runtime
}

func request(route, table, operation string, edit func(*telemetry.Record)) *telemetry.Record {
	r := &telemetry.Record{Work: telemetry.WorkRequest, Method: "GET", Route: route, Table: table, Operation: operation, Status: 200, Duration: 7 * time.Millisecond}
	if edit != nil {
		edit(r)
	}
	return r
}

func TestRequestsAreCounted(t *testing.T) {
	m := New(testConfig())
	list := "GET /api/{table}"
	m.Take(request(list, "posts", "list", func(r *telemetry.Record) {
		r.Rows, r.Bytes = 30, 4000
		r.Add(`SELECT t0."id" FROM "posts" AS t0`, time.Now(), 2*time.Millisecond, 30)
	}))
	m.Take(request(list, "posts", "list", func(r *telemetry.Record) { r.Status, r.Problem = 400, errs.Malformed }))
	m.Take(request(list, "gaps", "list", func(r *telemetry.Record) { r.Status, r.Problem = 503, errs.Unavailable }))
	m.Take(request(list, "gaps", "list", func(r *telemetry.Record) { r.Status, r.Stack = 200, "a panic after the header" }))
	m.Take(request("GET /console/users", "", "", nil))
	m.Take(request("GET /console/audit", "", "", nil))
	m.Take(request("", "", "", func(r *telemetry.Record) { r.Status, r.Problem, r.Method = 404, errs.NotFound, "BREW" }))
	m.Take(request("/api/{table}", "posts", "", func(r *telemetry.Record) { r.Status, r.Problem = 405, errs.MethodNotAllowed }))
	m.Take(&telemetry.Record{Work: telemetry.WorkMigration, Duration: time.Hour})
	m.Take(&telemetry.Record{Work: telemetry.WorkJob, Job: "mail", Duration: 2 * time.Second, Idle: true})
	m.Take(&telemetry.Record{Work: telemetry.WorkJob, Job: "mail", Err: io.EOF, Problem: errs.Unavailable})
	m.Take(&telemetry.Record{Work: telemetry.WorkJob, Job: "none of them"})
	text := scrape(t, m)
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_route="/api/{table}"} 4`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/api/{table}",le="0.005"} 0`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/api/{table}",le="0.01"} 4`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/api/{table}",le="0.3"} 4`,
		`http_server_requests_total{error_type="",http_request_method="GET",http_response_status_code="2xx",http_route="/api/{table}"} 1`,
		`http_server_requests_total{error_type="",http_request_method="GET",http_response_status_code="4xx",http_route="/api/{table}"} 1`,
		`http_server_requests_total{error_type="unavailable",http_request_method="GET",http_response_status_code="5xx",http_route="/api/{table}"} 1`,
		`http_server_requests_total{error_type="internal",http_request_method="GET",http_response_status_code="5xx",http_route="/api/{table}"} 1`,
		`http_server_requests_total{error_type="",http_request_method="GET",http_response_status_code="2xx",http_route="/console/*"} 2`,
		`http_server_requests_total{error_type="",http_request_method="_OTHER",http_response_status_code="4xx",http_route="_other"} 2`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_route="/api/{table}"} 0`,
		`ashlar_table_operation_duration_seconds_count{operation="list",table="posts"} 2`,
		`ashlar_table_operation_errors_total{http_response_status_code="4xx",operation="list",table="posts"} 1`,
		`ashlar_table_operation_errors_total{http_response_status_code="5xx",operation="list",table="gaps"} 2`,
		`ashlar_table_rows_total{operation="list",table="posts"} 30`,
		`ashlar_table_sent_bytes_total{operation="list",table="posts"} 4000`,
		`db_client_operation_duration_seconds_count{db_collection_name="posts",db_operation_name="SELECT",db_system_name="sqlite"} 1`,
		`ashlar_job_duration_seconds_bucket{job="mail",le="1"} 1`,
		`ashlar_job_duration_seconds_count{job="mail"} 2`,
		`ashlar_job_errors_total{job="mail"} 1`,
		`ashlar_job_duration_seconds_count{job="_other"} 1`,
		`ashlar_gate_admissions_total{gate="read"} 7`,
		`ashlar_objective_budget_left_ratio{objective="available",slo="api"} 0.75`,
		`ashlar_objective_budget_left_ratio{objective="fast",slo="api"} -2`,
		`ashlar_mails_sent_total 3`,
		`ashlar_pool_connections{pool="read",state="idle"} 3`,
		`ashlar_writer_commits_total 4`,
		`ashlar_database_replica_lag_seconds{replica="a"} 3`,
		`ashlar_database_replica_lag_seconds{replica="b?"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape does not say %s", want)
		}
	}
	if t.Failed() {
		own, _ := series(text)
		t.Log(strings.Join(own, "\n"))
	}
}

// hostile are names that clients or models may come with.
func hostile() []string {
	return []string{
		"", "x", "<script>alert(1)</script>", `a"b`, `a\b`, "a\nb", "a\x00b", "\xff", `"} 1` + "\nevil 1", "_other", "posts\u202e", strings.Repeat("x", 100_000), "__name__",
	}
}

// What becomes of reads is counted by table, for a page that shows more than the series do.
func TestAnswersAreCounted(t *testing.T) {
	m := New(testConfig())
	for _, cache := range []string{"hit", "hit", "stale", "shared", "miss", ""} {
		m.Take(request("GET /api/{table}", "posts", "list", func(r *telemetry.Record) { r.Cache = cache }))
	}
	m.Take(request("GET /api/{table}", "posts", "list", func(r *telemetry.Record) { r.Cache, r.Status, r.Public = "hit", 304, time.Minute }))
	m.Take(request("GET /api/{table}/{id}", "posts", "get", func(r *telemetry.Record) { r.Status = 304 }))
	m.Take(request("GET /api/{table}/{id}", "gaps", "get", func(r *telemetry.Record) { r.Public = time.Minute }))
	m.Take(request("GET /api/{table}", "none", "list", func(r *telemetry.Record) { r.Cache = "hit" }))
	want := []Answers{{Table: "posts", Lists: 7, Kept: 5, Stale: 1, Missed: 1, NotModified: 2, Public: 1}, {Table: "gaps", Public: 1}}
	if got := m.Answers(); !slices.Equal(got, want) {
		t.Errorf("answers = %+v, want %+v", got, want)
	}
}

func TestExhaustion_NoRequestAddsASeries(t *testing.T) {
	m := New(testConfig())
	before := m.Series()
	for _, name := range hostile() {
		m.Take(request(name, name, name, func(r *telemetry.Record) {
			r.Method, r.Path = name, name
			for _, sql := range []string{name, "SELECT 1 FROM \"" + name + "\"", "SELECT 1 FROM " + name, "EXPLAIN SELECT 1 FROM \"posts\"", "WITH x AS (SELECT 1) DELETE FROM \"gaps\"", "SELECT 1 FROM (SELECT 1)"} {
				r.Add(sql, time.Now(), time.Millisecond, 1)
			}
		}))
		for i := range 3000 { // texts of filters vary without end
			r := request("GET /api/{table}", "posts", name, nil)
			r.Add(fmt.Sprintf(`SELECT t0."id" FROM "posts" AS t0 WHERE %d = ?1`, i), time.Now(), time.Millisecond, 1)
			m.Take(r)
		}
		m.Take(&telemetry.Record{Work: telemetry.Work(name), Table: name, Status: -1})
	}
	own, runtime := series(scrape(t, m))
	if len(own) > before || m.Series() != before {
		t.Errorf("%d series, want at most %d:\n%s", len(own), before, strings.Join(own, "\n"))
	}
	if runtime > RuntimeSeries {
		t.Errorf("%d series of the Go runtime and the process, want at most %d", runtime, RuntimeSeries)
	}
	if known := len(*m.statements.known.Load()); known > maxTexts {
		t.Errorf("%d texts of statements are kept", known)
	}
	for _, line := range own {
		if strings.Contains(line, "script") || strings.Contains(line, "evil") {
			t.Errorf("a client's text is in a series: %s", line)
		}
	}
}

// Names of a model are escaped, whatever they are.
func TestLeak_MarkupOfNamesIsEscaped(t *testing.T) {
	cfg := testConfig()
	cfg.Tables, cfg.Routes = nil, nil
	for _, name := range hostile() {
		cfg.Tables = append(cfg.Tables, Table{Name: strings.ToValidUTF8(name, "?")})
		cfg.Routes = append(cfg.Routes, Route{Pattern: "GET /" + strings.ToValidUTF8(name, "?")})
	}
	m := New(cfg)
	m.Take(request("GET /a\nb", "a\nb", "list", nil))
	text := scrape(t, m)
	if !strings.Contains(text, `http_route="/a\nb"`) || strings.Contains(text, "\nevil 1") {
		t.Error("a line feed of a name is not escaped")
	}
	promtest.Promtool(t, t.TempDir(), text, "check", "metrics")
}

func TestPromtoolHasNoComplaint(t *testing.T) {
	m := New(testConfig())
	m.Take(request("GET /api/{table}", "posts", "list", func(r *telemetry.Record) {
		r.Add(`SELECT t0."id" FROM "posts" AS t0`, time.Now(), time.Millisecond, 1)
	}))
	if said := promtest.Promtool(t, t.TempDir(), scrape(t, m), "check", "metrics"); said != "" {
		t.Errorf("promtool check metrics:\n%s", said)
	}
}

// A Prometheus asks for OpenMetrics, or for its binary format with native histograms.
func TestFormats(t *testing.T) {
	m := New(testConfig())
	for accept, want := range map[string]string{
		"application/openmetrics-text;version=1.0.0":                                                 "application/openmetrics-text; version=1.0.0",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf",
		"": "text/plain; version=0.0.4",
	} {
		answer := httptest.NewRecorder()
		asked := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		asked.Header.Set("Accept", accept)
		m.Handler().ServeHTTP(answer, asked)
		if got := answer.Header().Get("Content-Type"); answer.Code != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("Accept %q: %d %q, want %q", accept, answer.Code, got, want)
		}
		if text := answer.Body.String(); strings.HasPrefix(want, "application/openmetrics") && !strings.HasSuffix(text, "# EOF\n") {
			t.Error("OpenMetrics has no end")
		}
	}
}

// Requests are counted while Prometheus scrapes, and none is lost.
func TestScrapeBesideRequests(t *testing.T) {
	m := New(testConfig())
	const clients, each = 4, 500
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			r := typical()
			for range each {
				m.Take(r)
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			scrape(t, m)
			m.Points()
		}
	})
	wg.Wait()
	want := fmt.Sprintf(`http_server_request_duration_seconds_count{http_request_method="GET",http_route="/api/{table}"} %d`, clients*each)
	if !strings.Contains(scrape(t, m), want) {
		t.Errorf("the scrape does not say %s", want)
	}
}

// TestTakeCostsNoMemory holds for every request: the labels are resolved when the Metrics are made.
func TestTakeCostsNoMemory(t *testing.T) {
	m := New(testConfig())
	r := typical()
	if n := testing.AllocsPerRun(1000, func() { m.Take(r) }); n != 0 {
		t.Errorf("a request costs %v allocations", n)
	}
}

// typical is the record of a request with two statements.
func typical() *telemetry.Record {
	return request("GET /api/{table}", "posts", "list", func(r *telemetry.Record) {
		r.Add(`SELECT t0."id", t0."title", t0."price", t0."id" FROM "posts" AS t0 WHERE (t0."shared" = 1) ORDER BY t0."id" LIMIT ?1`, time.Now(), time.Millisecond, 30)
		r.Add(`SELECT 1 FROM ashlar_sessions WHERE id = ?1`, time.Now(), 7*time.Microsecond, 1)
	})
}

func BenchmarkTake(b *testing.B) {
	m, r := New(testConfig()), typical()
	b.ReportAllocs()
	for b.Loop() {
		m.Take(r)
	}
}

func BenchmarkTakeParallel(b *testing.B) {
	m := New(testConfig())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := typical()
		for pb.Next() {
			m.Take(r)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	cfg := testConfig()
	for i := range 60 {
		cfg.Routes = append(cfg.Routes, Route{Pattern: fmt.Sprintf("GET /auth/%d", i)})
	}
	for i := range 18 {
		cfg.Tables = append(cfg.Tables, Table{Name: fmt.Sprintf("table%d", i)})
	}
	m := New(cfg)
	handler, asked := m.Handler(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
	b.ReportMetric(float64(m.Series()), "series")
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(discard{http.Header{}}, asked)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (discard) Write(out []byte) (int, error) { return io.Discard.Write(out) }
func (discard) WriteHeader(int)               {}
