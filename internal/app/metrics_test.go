package app

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/promtest"
)

// careers opens the example.
func careers(t *testing.T) *App {
	t.Helper()
	return opened(t, "../../examples/careers", Config{Data: t.TempDir(), Version: "test"})
}

// askEverything sends a request to each route, once for each table and view where the route has a table.
func askEverything(t *testing.T, server *App, handler http.Handler) {
	t.Helper()
	for _, route := range server.routes {
		method, path, hasMethod := strings.Cut(route.Pattern, " ")
		if !hasMethod {
			method, path = "PUT", route.Pattern
		}
		path = strings.ReplaceAll(path, "{$}", "")
		paths := []string{path}
		if strings.Contains(path, "{table}") {
			paths = nil
			for _, table := range server.Rules.Model.All() {
				paths = append(paths, strings.ReplaceAll(path, "{table}", table.Name))
			}
		}
		for _, path := range paths {
			asked := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), strings.NewReader("{}"))
			asked.Header.Set("Content-Type", "application/json")
			handler.ServeHTTP(httptest.NewRecorder(), asked)
		}
	}
}

func scraped(t *testing.T, server *App) string {
	t.Helper()
	answer := httptest.NewRecorder()
	server.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("a scrape answers %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func seriesIn(text string) (n int) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// maxSeries and maxPoints are the bars for the careers example.
const (
	maxSeries = 3000
	maxPoints = 400
)

func TestExhaustion_SeriesOfAModelAreBounded(t *testing.T) {
	server := careers(t)
	handler, err := server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	askEverything(t, server, handler)
	for _, method := range []string{"BREW", "get", "<b>", strings.Repeat("X", 4000)} {
		for _, path := range []string{"/api/posts%22%7D%201", "/api/%3Cscript%3E", "/x", "/api/occupations/1/2/3", "/console/x", "//api"} {
			asked := httptest.NewRequest("GET", path, nil)
			asked.Method = method
			handler.ServeHTTP(httptest.NewRecorder(), asked)
		}
	}
	text := scraped(t, server)
	budget := SeriesBudget(server.Rules.Model)
	if n := seriesIn(text); n > budget || budget > maxSeries {
		t.Errorf("%d series, at most %d are announced, and %d is the bar", n, budget, maxSeries)
	}
	if said := promtest.Promtool(t, t.TempDir(), text, "check", "metrics"); said != "" {
		t.Errorf("promtool check metrics:\n%s", said)
	}
	for _, want := range []string{
		`http_server_requests_total{error_type="",http_request_method="GET",http_response_status_code="2xx",http_route="/api/{table}"} 1`,
		`ashlar_table_operation_duration_seconds_count{operation="list",table="occupations"} 1`,
		`ashlar_database_writable 1`, `ashlar_gate_admissions_total{gate="read"} `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	if n := len(server.metrics.Points()); n < 50 || n > maxPoints {
		t.Errorf("%d points", n)
	}
	t.Logf("%d series of at most %d, %d bytes, %d points", seriesIn(text), budget, len(text), len(server.metrics.Points()))
}

// What `ashlar check` announces is what a server has.
func TestSeriesBudget(t *testing.T) {
	server := careers(t)
	const runtime = 60
	const ofTLS = 1 // this server speaks no TLS
	if got, want := SeriesBudget(server.Rules.Model), server.metrics.Series()+runtime+ofTLS; got != want {
		t.Errorf("SeriesBudget() = %d, and the server has at most %d: see dataRoutes and pageRoutes", got, want)
	}
}

// A Prometheus scrapes a server under traffic: its classic histograms, and then its native ones.
func TestPrometheusScrapes(t *testing.T) {
	effort.SkipRaced(t)
	kinds := map[string][]string{"native": {"--enable-feature=native-histograms"}}
	if effort.Nightly() {
		kinds["classic"] = nil
	}
	for name, flags := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln := local(t)
			server := opened(t, "../../examples/careers", Config{Data: t.TempDir(), Operate: Operate{Listener: ln}})
			handler, err := server.Handler()
			if err != nil {
				t.Fatal(err)
			}
			askEverything(t, server, handler)
			run := start(t, server)
			defer func() {
				run.stop()
				if err := run.wait(); err != nil {
					t.Error(err)
				}
			}()
			prometheus := promtest.Start(t, ln.Addr().String(), flags...)
			until := time.Now()
			if effort.Nightly() {
				until = until.Add(time.Minute)
			}
			waitFor(t, "a scrape", func() bool {
				handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/occupations?limit=1", nil))
				scrapes := promtest.Query(t, prometheus, `count_over_time(up{job="ashlar"}[5m])`)
				return len(scrapes) == 1 && scrapes[0].Value >= 1 && time.Now().After(until)
			})
			queries := []string{`min_over_time(up{job="ashlar"}[5m]) == 1`, `http_server_requests_total{http_route="/api/{table}"}`, `ashlar_objective_budget_left_ratio <= 1`}
			if effort.Nightly() {
				queries = append(queries, `count_over_time(up{job="ashlar"}[5m]) > 50`, `rate(http_server_requests_total{http_route="/api/{table}",http_response_status_code="2xx"}[30s]) > 1`)
			}
			for _, query := range queries {
				if len(promtest.Query(t, prometheus, query)) == 0 {
					t.Errorf("nothing answers %s", query)
				}
			}
			quantile := `histogram_quantile(0.9, sum by (le) (http_server_request_duration_seconds_bucket{http_route="/api/{table}"}))`
			if name == "native" {
				quantile = `histogram_quantile(0.9, http_server_request_duration_seconds{http_route="/api/{table}",http_request_method="GET"})`
			}
			if got := promtest.Query(t, prometheus, quantile); len(got) != 1 || !(got[0].Value > 0 && got[0].Value < 60) {
				t.Errorf("%s = %v", quantile, got)
			}
			kept := promtest.Query(t, prometheus, `scrape_samples_scraped{job="ashlar"}`)
			if len(kept) != 1 || kept[0].Value > maxSeries {
				t.Errorf("Prometheus keeps %v series", kept)
			}
			t.Logf("%v series, a scrape took %v s", kept, promtest.Query(t, prometheus, `scrape_duration_seconds{job="ashlar"}`))
		})
	}
}

func waitFor(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !reached() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var update = flag.Bool("update", false, "write the table of docs/operating.md")

// TestTableOfMetrics compares the table of the documentation with the metrics. With -update it writes the table.
func TestTableOfMetrics(t *testing.T) {
	const page = "../../docs/operating.md"
	want := "| metric | labels | what it says |\n|---|---|---|\n"
	for _, d := range careers(t).metrics.Descriptions() {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", d.Name, strings.ReplaceAll(strings.Join(d.Labels, ", "), "_", "\\_"), strings.TrimSuffix(d.Help, "."))
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`(?m)^\| metric \| labels .*\n(\|.*\n)+`)
	if *update {
		text = place.ReplaceAllLiteral(text, []byte(want))
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, place.FindString(string(text))); diff != "" {
		t.Errorf("the table of metrics differs from the metrics; write it with go test ./internal/app -run TableOfMetrics -update\n(-code +page):\n%s", diff)
	}
}
