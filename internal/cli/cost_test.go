package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	sums "github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// day keeps the sum of one day.
type day struct{ sums.Sum }

func (d *day) AddSum(at time.Time, body []byte, _ func(sum, more []byte) []byte) {
	d.Sum = sums.Sum{At: at.Add(-24 * time.Hour), Length: 24 * time.Hour, Body: body}
}

func (d *day) Sums(context.Context, time.Time, time.Time) ([]sums.Sum, error) {
	return []sums.Sum{d.Sum}, nil
}

// taskCosts returns what a day of the app in docs/operating.md cost.
func taskCosts(t *testing.T) *cost.Report {
	now := time.Date(2026, 11, 26, 15, 0, 0, 0, time.UTC)
	cpu, in, out := time.Duration(0), int64(0), int64(0)
	ledger := cost.New(cost.Config{
		Archive: &day{}, Prices: model.Costs{CPUHour: 0.04, GBOut: 0.09, GBMonth: 0.02}, Now: func() time.Time { return now },
		CPU: func() time.Duration { return cpu }, Traffic: func() (int64, int64) { return in, out },
	})
	for range 86_400 {
		r := telemetry.Record{Work: telemetry.WorkRequest, Route: "GET /api/{table}", Table: "tasks", Operation: "list", Bytes: 4700}
		r.Statements.Count, r.Statements.Took = 2, time.Millisecond
		ledger.Take(&r)
	}
	for range 96 {
		r := telemetry.Record{Work: telemetry.WorkJob, Job: "mail"}
		r.Statements.Count, r.Statements.Took = 5, time.Millisecond
		ledger.Take(&r)
	}
	now, cpu, in, out = now.Add(24*time.Hour), 96*time.Second, 11_200_000, 432_000_000
	ledger.Profiled([]cost.Usage{
		{Route: "GET /api/{table}", Table: "tasks", Operation: "list", CPU: 61 * time.Second},
		{Job: "mail", CPU: 2 * time.Second},
		{Part: "garbage collection", Way: cost.ByCPU, CPU: 9 * time.Second},
		{Part: "connections", Way: cost.ByUnit, CPU: 4 * time.Second},
		{Part: "other", CPU: 17 * time.Second},
	})
	report, err := ledger.Report(t.Context(), now.Add(-24*time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	return &report
}

// TestCostGuide prints the example of docs/operating.md.
func TestCostGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Cost\n")
	_, example, _ := strings.Cut(section, "```sh\nashlar cost tasks\n```\n\n```\n")
	example, _, _ = strings.Cut(example, "```")
	if diff := cmp.Diff(example, costText(taskCosts(t))); diff != "" {
		t.Errorf("the page shows something else (-page +program):\n%s\n%s", diff, costText(taskCosts(t)))
	}
}

func TestCostTimes(t *testing.T) {
	now := time.Date(2026, 11, 27, 15, 4, 5, 0, time.UTC)
	const layout = "2006-01-02 15:04"
	for _, tt := range []struct{ text, from, to string }{
		{"24h", "2026-11-26 15:04", "2026-11-27 15:04"},
		{"30d", "2026-10-28 15:04", "2026-11-27 15:04"},
		{"2026-11-26", "2026-11-26 00:00", "2026-11-27 00:00"},
		{"2026-12", "2026-12-01 00:00", "2027-01-01 00:00"},
		{"", "", ""},
		{"0d", "", ""},
		{"-1h", "", ""},
		{"401d", "", ""},
		{"10000h", "", ""},
		{"2026-13", "", ""},
		{"yesterday", "", ""},
		{"3days", "", ""},
	} {
		from, to, ok := costTime(tt.text, now)
		switch {
		case ok != (tt.from != ""):
			t.Errorf("costTime(%q) = %v", tt.text, ok)
		case ok && (from.Format(layout) != tt.from || to.Format(layout) != tt.to):
			t.Errorf("costTime(%q) = %v, %v", tt.text, from, to)
		}
	}
}

// A server that has stopped has written what it counted.
func TestCost(t *testing.T) {
	effort.SkipRaced(t)
	dir := filepath.Join(writeApp(t, tasks), "tasks")
	if _, stderr, err := toEnd(t, 0, "cost", dir); err == nil || !strings.Contains(stderr, "there is no telemetry database") {
		t.Errorf("before the first start: %v, %s", err, stderr)
	}
	p := startProcess(t, dir, "--log-level", "error", "--answer-cache", "off") // each list runs its statement
	const requests = 20
	for range requests {
		getBody(t, http.DefaultClient, p.url+"/api/tasks")
	}
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, "cost", dir); !strings.Contains(got, "GET /api/tasks") || !strings.Contains(got, "everything else") {
		t.Errorf("cost prints\n%s", got)
	}
	var report costJSON
	if err := json.Unmarshal([]byte(mustRun(t, "cost", dir, "--time", "1h", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Routes) == 0 || report.Routes[0].Name != "GET /api/tasks" || report.Routes[0].Units != requests || report.Routes[0].Statements < requests {
		t.Errorf("the routes are %+v", report.Routes)
	}
	if report.Total.CPU <= 0 || report.Total.Out < requests*100 {
		t.Errorf("in all: %+v", report.Total)
	}
	if got := mustRun(t, "cost", dir, "--time", "2001-01"); got != nothingCounted {
		t.Errorf("of a time without a server it prints\n%s", got)
	}
	if _, stderr, err := toEnd(t, 0, "cost", dir, "--time", "yesterday"); err == nil || !strings.Contains(stderr, "--time must be a length, a day or a month") {
		t.Errorf("with a wrong time: %v, %s", err, stderr)
	}
}
