package operation_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

func paths() []string {
	return []string{"/console/home", "/console/logs", "/console/traces", "/console/errors", "/console/objectives", "/console/advice", "/console/profiles", "/console/incidents", "/console/cost", "/console/limits", "/console/cache", "/console/watchers", "/console/nodes"}
}

func TestPagesWithoutDataSayWhatWillAppear(t *testing.T) {
	w := newWorld(t)
	v := w.operator("viewer")
	v.get("/console/home", 200, "Here will be charts", "An error stands here when", "will stand here")
	v.get("/console/logs", 200, "Each request leaves one here")
	v.get("/console/logs?status=404", 200, "No record matches")
	v.get("/console/traces?only=failed", 200, "No trace in memory matches")
	v.get("/console/errors", 200, "No request failed")
	v.get("/console/cost", 200, "Nothing was counted yet")
	v.get("/console/incidents", 200, "An alert opens one by itself")
	v.get("/console/profiles", 200, "There is no profile of this time")
	v.get("/console/advice", 200, "Nothing was tried yet", "An operator may try indexes")
	v.get("/console/limits", 200, "No limit refused anybody", "The server had room for everybody", "300/10s per address")
	v.get("/console/watchers", 200, "Nobody watches a list", "none is open", "has ended no stream")
	v.get("/console/cache", 200, "No list was asked for", "no list was looked for")
}

// A viewer may open all pages. Nobody else may open one.
func TestPagesAreForOperators(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	stranger := &visitor{w: w, cookies: map[string]string{}}
	for _, path := range append(paths(), "/console/home/charts", "/console/home/deploys", "/console/logs/tail?cursor=0", "/console/logs/slow-0", "/console/traces/slow-0") {
		v.get(path, 200)
		if a := stranger.send("GET", path, nil); a.Code != 303 || !strings.HasPrefix(a.Header().Get("Location"), "/console/sign-in") {
			t.Errorf("GET %s without an operator = %d to %q", path, a.Code, a.Header().Get("Location"))
		}
	}
	stranger.accept = "application/json"
	if a := stranger.send("GET", "/console/home/charts", nil); a.Code != 401 {
		t.Errorf("the charts' data without an operator: %d", a.Code)
	}
	if a := v.send("GET", "/console", nil); a.Header().Get("Location") != "/console/home" {
		t.Errorf("the console opens on %q", a.Header().Get("Location"))
	}
}

func TestLogIsFilteredByItsAddress(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	count := func(query string) int {
		return strings.Count(v.get("/console/logs?"+query, 200), `<tr class="`) + strings.Count(v.get("/console/logs?"+query, 200), `<tr><th scope="row"><a href="/console/logs/`)
	}
	for _, tt := range []struct {
		query string
		want  int
	}{
		{"", 50},
		{"key=key-hammer", 40},
		{"key=key-hammer&not.status=500", 30},
		{"status=500", 10},
		{"only=failed", 10},
		{"only=kept", 40},
		{"min=100ms", 40},
		{"min=100ms&max=200ms", 0},
		{"text=slow-1", 11},
		{"status=500&status=200", 50},
		{"key=&caller=user:u1", 20},
		{"last=15m&key=key-hammer", 40},
		{"to=2026-01-01T00:00", 0},
		{"route=nowhere", 0},
	} {
		if got := count(tt.query); got != tt.want {
			t.Errorf("%s: %d records, want %d", tt.query, got, tt.want)
		}
	}
	body := v.get("/console/logs?status=500", 200, "status is", "disk I/O error at page 17")
	for _, link := range []string{
		"/console/logs?status=500&amp;table=notes", "/console/logs?not.caller=user%3Au3&amp;status=500", `<a href="/console/logs" aria-label="Remove the condition status 500">`,
	} {
		if !strings.Contains(body, link) {
			t.Errorf("the log has no link %s", link)
		}
	}
}

// All records of a filter are on its pages, each once.
func TestLogHasPages(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	seen := map[string]int{}
	path := "/console/logs?last=6h"
	for pages := 0; path != ""; pages++ {
		if pages > 10 {
			t.Fatal("the log has no end")
		}
		body := v.get(path, 200)
		for _, found := range regexp.MustCompile(`<a href="/console/logs/((?:quick|slow)-\d+)">`).FindAllStringSubmatch(body, -1) {
			seen[found[1]]++
		}
		path = ""
		if next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if len(seen) != 220 {
		t.Errorf("the pages have %d records, want 220", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}

func TestAddressesWithFaultsSaySo(t *testing.T) {
	w := newWorld(t)
	v := w.operator("viewer")
	for _, tt := range []struct {
		path   string
		status int
		text   string
	}{
		{"/console/logs?min=fast", 422, "min: write a length of time"},
		{"/console/logs?min=2s&max=1s", 422, "must be below"},
		{"/console/logs?from=yesterday", 422, "from: write a time in UTC"},
		{"/console/logs?from=2027-01-02&to=2027-01-01", 422, "begin before its end"},
		{"/console/logs?last=9999d", 422, "last: write a length of time"},
		{"/console/logs?last=-1h", 422, "last: write a length of time"},
		{"/console/logs?pick.min=2s&pick.max=1s", 422, "a region needs"},
		{"/console/logs?trace=xyz", 400, "32 hexadecimal digits"},
		{"/console/logs?status=" + strings.Repeat("x", 2000), 422, "too long"},
		{"/console/logs?status=%ff", 422, "no text"},
		{"/console/logs?" + strings.Repeat("status=1&", 50), 422, "more than 40 conditions"},
		{"/console/logs/none", 404, "no record with this id"},
		{"/console/logs/tail", 400, "cursor"},
		{"/console/logs/tail?cursor=1&min=x", 400, "length of time"},
		{"/console/traces?min=x", 422, "length of time"},
		{"/console/traces/none", 404, "not kept"},
		{"/console/traces/" + strings.Repeat("0a", 16), 404, "not kept"},
		{"/console/home?range=2h", 400, "1h, 1d, 14d or 400d"},
		{"/console/home/charts?range=2h", 400, "1h, 1d, 14d or 400d"},
		{"/console/errors?range=2h", 400, "1h, 1d, 7d or 400d"},
	} {
		v.get(tt.path, tt.status, tt.text)
	}
	v.get("/console/logs?before=x&unknown=1&last=1h", 200)
}

// The difference between a slow region and all records names its key first among what may be a cause.
func TestDifferenceNamesTheCause(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	body := v.get("/console/logs?pick.min=500ms", 200, "What is special about this region", "key-hammer", `class="pick"`)
	_, findings, _ := strings.Cut(body, "What is special")
	if first := regexp.MustCompile(`<tr><th scope="row"><a href="([^"]+)">([^<]+)</a>`).FindStringSubmatch(findings); first == nil ||
		(first[2] != "key-hammer" && first[2] != "create notes") || !strings.Contains(first[1], "min=500ms") {
		t.Errorf("the first finding is %q", first)
	}
	v.get("/console/logs?compare=failed", 200, "What is special about the failed records", "key-hammer")
	v.get("/console/logs?pick.from=2026-01-01&pick.to=2026-01-02", 200, "No value is clearly more frequent")
}

func TestRecordShowsItsFieldsAndStatements(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	v.get("/console/logs/slow-0", 200, "POST /api/{table}", "key-hammer", "disk I/O error at page 17", "SELECT id, title FROM", "node-a", "v1", "700 ms", "350 ms", `">Trace</a>`, "<dt>Weight</dt>")
	v.get("/console/traces/slow-0", 200, "Waterfall", "SELECT notes", "SELECT id, title FROM", `x="20.000%"`, `width="50.000%"`)
	v.get("/console/traces?only=failed", 200, "/console/traces/slow-0")
	if body := v.get("/console/traces?only=failed", 200); strings.Contains(body, "/console/traces/quick-1") {
		t.Error("a trace that did not fail is among the failed ones")
	}
	v.get("/console/traces?statement=notes&min=500ms", 200, "/console/traces/slow-1")
	v.get("/console/traces?only=kept", 200, "POST /api/{table}", "700 ms")
	v.get("/console/errors", 200, "disk I/O error at page #", `href="/console/logs/slow-36"`, "POST /api/{table}")
	v.get("/console/home", 200, "disk I/O error at page #", "build v2 began")
}

// A slow trace is shown after memory has forgotten it.
func TestKeptTracesOutliveMemory(t *testing.T) {
	slow := request("slow", time.Hour, time.Second, nil)
	w := newWorld(t, func(w *world) { w.take(slow) })
	for i := range 2300 {
		w.traces.Take(request(fmt.Sprint("other-", i), 0, time.Second, nil))
	}
	if _, ok := w.traces.ByID("slow"); ok {
		t.Fatal("memory keeps the trace")
	}
	v := w.operator("viewer")
	v.get("/console/logs/slow", 200, "SELECT id, title FROM")
	v.get("/console/traces/"+slow.Trace.String(), 200, "SELECT id, title FROM", "Waterfall")
}

func TestSampledRecordsTellTheirWeight(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.take(request("tenth", time.Minute, time.Millisecond, func(r *telemetry.Record) { r.Weight = 10 }))
	})
	v := w.operator("viewer")
	body := v.get("/console/logs", 200)
	if strings.Contains(body, "×10") != strings.Contains(body, "stands for ten") {
		t.Error("a weight without its meaning")
	}
}

func TestBackgroundWorkIsInTheLog(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.take(request("a-request", time.Minute, time.Millisecond, nil))
		w.take(&telemetry.Record{
			Work: telemetry.WorkJob, Job: "mail", Operation: "<verify>", ID: "a-job", Start: time.Now().Add(-time.Minute), Duration: time.Millisecond, Weight: 1,
			Caller: "system:mail", CallerKind: "system", Problem: errs.Unavailable, Err: errs.New(errs.Unavailable, "451 busy"),
		})
	})
	v := w.operator("viewer")
	v.get("/console/logs", 200, "a-request", "job mail", "/console/logs?job=mail")
	if body := v.get("/console/logs?job=mail", 200, "a-job", "451 busy"); strings.Contains(body, "a-request") {
		t.Error("the log of a job has requests")
	}
	v.get("/console/logs/a-job", 200, "<h1>job mail</h1>", "/console/logs?", "&lt;verify&gt;")
	v.get("/console/errors", 200, "unavailable: # busy", "job mail", "/console/logs?job=mail&amp;last=7d&amp;only=failed")
}

type chartsAnswer struct {
	Times  []int64
	Step   float64
	Charts []struct {
		ID, Unit string
		Lines    []struct {
			Name   string
			Values []*float64
		}
	}
	Events []struct{ Text string }
}

func TestChartsHaveTheRatesOfTheArchive(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	v.accept = "application/json"
	var answer chartsAnswer
	if err := json.Unmarshal([]byte(v.get("/console/home/charts?range=1h", 200)), &answer); err != nil {
		t.Fatal(err)
	}
	means := map[string]float64{}
	for _, c := range answer.Charts {
		for _, l := range c.Lines {
			if len(l.Values) != len(answer.Times) {
				t.Errorf("%s has %d values for %d times", c.ID, len(l.Values), len(answer.Times))
			}
			sum, n := 0.0, 0.0
			for _, value := range l.Values {
				if value != nil {
					sum, n = sum+*value, n+1
				}
			}
			means[c.ID+" "+l.Name] = sum / n
		}
	}
	for name, want := range map[string]float64{
		"requests all": 10, "errors 5xx": 0.05, "errors 4xx": 0.2, "latency p50": 0.006, "latency p99": 0.097, "cpu used": 0.5, "memory of the process": 83e6, "wal size": 2.6e6,
	} {
		if got := means[name]; got < 0.9*want || got > 1.1*want {
			t.Errorf("%s = %v, want about %v", name, got, want)
		}
	}
	if len(answer.Events) != 1 || answer.Events[0].Text != "deploy: build v2 began" {
		t.Errorf("events %+v", answer.Events)
	}
	v.accept = ""
	v.get("/console/home", 200, "Requests", "Write-ahead log", "<th scope=\"col\">p99</th>", "cores")
}

// statuses are objectives that a test makes up.
type statuses []objective.Status

func (s statuses) Statuses() []objective.Status { return s }

func (s statuses) Points() []objective.PointStatus {
	point := objective.Objective{Name: "backup", Kind: objective.RestorePoint, Below: 25 * time.Hour}
	return []objective.PointStatus{
		{Objective: point, Newest: time.Now().Add(-26 * time.Hour), Age: 26 * time.Hour, Missed: true},
		{Objective: objective.Objective{Name: "later", Kind: objective.RestorePoint, Below: time.Hour}},
	}
}

func (s statuses) Firing() []objective.Alert {
	return []objective.Alert{{Objective: s[0].Objective, Severity: objective.Page, Firing: true, Window: time.Hour, Bad: 50, Total: 100, Since: time.Now()}}
}

func spent() statuses {
	return statuses{
		{
			Objective: objective.Objective{Name: "api", Kind: objective.Available, Target: 99.9}, Bad: 50, Total: 1000, BudgetLeft: -49,
			Burns: []objective.Burn{{Window: time.Hour, Rate: 500, Bad: 50, Total: 100}, {Window: 6 * time.Hour, Rate: 0.5, Bad: 1, Total: 2000}}, Firing: []objective.Severity{objective.Page},
		},
		{
			Objective: objective.Objective{Name: "api", Kind: objective.Fast, Target: 99, Below: 300 * time.Millisecond}, BudgetLeft: 1,
			Burns: []objective.Burn{{Window: time.Hour}, {Window: 6 * time.Hour}},
		},
	}
}

func TestObjectivesShowBudgetsAndAlerts(t *testing.T) {
	w := newWorld(t, busy)
	v := w.operator("viewer")
	v.get("/console/objectives", 200, "No alert fires", "99.9 % answered without failing", "99 % answered within 300 ms", "no request yet")
	v.get("/console/home", 200, "no request yet")
	w.serve(spent())
	v.get("/console/objectives", 200, "50 of 100 requests failed in 1h", `<span class="tag bad">page</span>`, "-4900 %", "<strong>×500</strong>", "×0.5", `class="share spent"`,
		"at most 1d1h old", `<span class="tag bad">missed</span>`, "1d2h", `<span class="tag">not known yet</span>`)
	v.get("/console/home", 200, "-4900 %", "of the budget left")
}

// An app without a telemetry database still has its traces and objectives.
func TestPagesWithoutATelemetryDatabase(t *testing.T) {
	w := newWorld(t)
	w.sections(operation.Config{Traces: w.traces, Objectives: w.objectives})
	w.traces.Take(request("one", time.Minute, time.Second, nil))
	v := w.operator("viewer")
	v.get("/console/traces", 200, "/console/traces/one", "Objectives", "Users")
	v.get("/console/traces?only=kept", 200)
	v.get("/console/traces/one", 200, "Waterfall")
	v.get("/console/traces/"+strings.Repeat("0a", 16), 404)
	v.get("/console/objectives", 200, "No alert fires")
	v.get("/console/logs", 404)
	if a := v.send("GET", "/console", nil); a.Header().Get("Location") != "/console/traces" {
		t.Errorf("the console opens on %q", a.Header().Get("Location"))
	}
}

// What is vendored is what its makers published.
func TestVendoredFilesAreUnchanged(t *testing.T) {
	for name, want := range map[string]string{
		"uplot.js":          "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uplot.css":         "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
		"uplot-license.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
	} {
		text, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has the hash %x", name, sum)
		}
	}
}

// The live tail answers with what came since a cursor, and leaves its own requests out.
func TestTailHasNewRecords(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.take(request("old", 30*time.Second, time.Millisecond, nil))
		w.take(request("new", 20*time.Second, time.Millisecond, nil))
		w.take(request("own", 10*time.Second, time.Millisecond, func(r *telemetry.Record) { r.Route = "GET /console/logs/tail" }))
		w.take(request("other", 5*time.Second, time.Millisecond, func(r *telemetry.Record) { r.Status = 404 }))
	})
	v := w.operator("viewer")
	v.accept = "application/json"
	ask := func(query string) (ids []string, cursor int64) {
		t.Helper()
		var answer struct {
			Rows   []struct{ Path string }
			Cursor int64 `json:",string"`
		}
		if err := json.Unmarshal([]byte(v.get("/console/logs/tail?"+query, 200)), &answer); err != nil {
			t.Fatal(err)
		}
		for _, row := range answer.Rows {
			ids = append(ids, strings.TrimPrefix(row.Path, "/console/logs/"))
		}
		return ids, answer.Cursor
	}
	ids, cursor := ask("cursor=0")
	if fmt.Sprint(ids) != "[old new other]" {
		t.Errorf("the tail has %v", ids)
	}
	if ids, next := ask(fmt.Sprint("cursor=", cursor)); len(ids) != 0 || next != cursor {
		t.Errorf("after the newest come %v, %d", ids, next)
	}
	if ids, _ := ask("cursor=0&status=404"); fmt.Sprint(ids) != "[other]" {
		t.Errorf("with a filter come %v", ids)
	}
}
