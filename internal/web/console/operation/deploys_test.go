package operation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
)

// deploys are audits that a test makes up.
type deploys struct {
	list []deploy.Audit
	err  error
}

func (d *deploys) Audits(context.Context, time.Time, time.Time) ([]deploy.Audit, error) {
	return d.list, d.err
}

// audited returns the audit of a deploy some time ago, with a text at the end of all names.
func audited(text string, ago time.Duration, measures ...deploy.Measure) deploy.Audit {
	at := time.Now().Add(-ago)
	return deploy.Audit{
		At: at, Change: "build v1 → v2" + text, Node: "node-a" + text, From: at.Add(2 * time.Minute), To: at.Add(30 * time.Minute),
		Bases: []string{"the same hours of the day before", "the hour before"}, Requests: 4200, Measures: measures,
	}
}

// worsened are the measures of a deploy that made something worse.
func worsened(text string) []deploy.Measure {
	return []deploy.Measure{
		{Kind: deploy.Errors, After: 0.2, Verdict: deploy.Worse},
		{Kind: deploy.P99, Before: 0.0137, After: 0.0273, Verdict: deploy.Worse},
		{Kind: deploy.Memory, Before: 200e6, After: 150e6, Verdict: deploy.Better},
		{Kind: deploy.Rate, Before: 2, After: 2, Verdict: deploy.Same},
		{Route: "GET /api/{table}" + text, Kind: deploy.CPU, Before: 0.0004, After: 0.0008, Verdict: deploy.Worse},
	}
}

func TestHomeShowsTheLastDeploy(t *testing.T) {
	w := newWorld(t)
	w.deploys.list = []deploy.Audit{
		audited("", time.Hour, worsened("")...),
		audited(" of yesterday", 25*time.Hour, deploy.Measure{Kind: deploy.Errors, Verdict: deploy.Same}),
		audited(" of a quiet night", 30*time.Hour, deploy.Measure{Kind: deploy.Errors, Verdict: deploy.Unknown}),
	}
	v := w.operator("viewer")
	home := v.get("/console/home", 200, "Last deploy", `<span class="tag bad">worse</span> <bdi>build v1 → v2</bdi>`, "4,200 requests, compared with the same hours of the day before and the hour before",
		"failed requests: 0 % → 20 %", "p99: 13.7 ms → 27.3 ms", "CPU per request of <bdi>GET /api/{table}</bdi>: 400 µs → 800 µs", `href="/console/home/deploys"`)
	if strings.Contains(home, "yesterday") || strings.Contains(home, "memory: ") {
		t.Errorf("the first page shows older deploys, or what got better:\n%s", mainOf(home))
	}
	details := v.get("/console/home/deploys", 200, `<td data-label="After">150 MB</td><td data-label="Change">−25 %</td><td data-label="Verdict">better</td>`,
		`<td data-label="Change">from nothing</td>`, `<td data-label="Change">&#43;99.3 %</td>`, `<td data-label="Before">2/s</td><td data-label="After">2/s</td><td data-label="Change">none</td><td data-label="Verdict">same</td>`,
		"nothing got worse", "too few requests to compare", "of a quiet night", "route=GET&#43;%2Fapi%2F%7Btable%7D")
	if worse := strings.Count(details, `<tr class="bad">`); worse != 3 {
		t.Errorf("%d measures are marked as worse", worse)
	}
}

func TestDeploysWithoutAnAuditSayWhenOneComes(t *testing.T) {
	w := newWorld(t)
	v := w.operator("viewer")
	for _, path := range []string{"/console/home", "/console/home/deploys"} {
		v.get(path, 200, "No deploy was compared yet", "Half an hour after a start")
	}
	w.deploys.err = errs.New(errs.Unavailable, "the disk is away")
	for _, path := range []string{"/console/home", "/console/home/deploys"} {
		v.get(path, 200, "The disk is away.")
	}
}
