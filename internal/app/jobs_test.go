package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
)

// everyJob is an app that has all background work.
const everyJob = `-- ashlar.yaml --
ashlar: 1
name: app
accounts: {url: http://localhost:8080, audit: {keep: 365d}}
operate:
  alerts: {to: [{mail: ops@example.com}, {webhook: $HOOK}, {alertmanager: $HOOK}]}
`

func TestBackgroundWorkHasRecords(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "api/v2") { // the Alertmanager is away
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(hook.Close)
	t.Setenv("HOOK", hook.URL)
	post, mails := startPost(t)
	server := opened(t, app(t, everyJob), Config{SMTP: mails, Telemetry: AutoTelemetry})
	if diff := cmp.Diff(jobNames(), server.jobs.Names()); diff != "" {
		t.Errorf("jobNames and the jobs of an app differ:\n%s", diff)
	}
	start(t, server)
	server.tellAlert(objective.Alert{
		Objective: objective.Objective{Name: "api", Kind: objective.Available, Target: 99.9}, Severity: objective.Page, Firing: true,
		Since: time.Now(), At: time.Now(), Window: time.Hour, Burn: 16.9, Bad: 60, Total: 3550, BudgetLeft: 0.931,
	})
	<-post.mails
	for _, tt := range []struct {
		job, operation, statement string
		failed                    bool
	}{
		{job: "ashlar.mail", operation: "alert"},
		{job: "alert mail", operation: "api/available/page", statement: "INSERT"},
		{job: "alert webhook", operation: "api/available/page"},
		{job: "alert alertmanager", operation: "api/available/page", failed: true},
	} {
		waitFor(t, "the record of "+tt.job, func() bool {
			kept, err := server.Archive.Records(t.Context(), archive.Filter{Where: []archive.Condition{{Dimension: archive.Job, Values: []string{tt.job}}}}, 0, 10)
			return err == nil && len(kept.Records) > 0 && kept.Records[0].Failed == tt.failed && kept.Records[0].Operation == tt.operation
		})
		names := map[string]bool{}
		for _, found := range server.Traces.Recent(trace.Filter{Operation: tt.operation}) {
			if found.Name() == string(telemetry.WorkJob)+" "+tt.job {
				for _, span := range found.Spans {
					names[span.Name] = true
				}
			}
		}
		if tt.statement != "" && !names[tt.statement] {
			t.Errorf("%s: the trace has %v", tt.job, names)
		}
		if text := scraped(t, server); strings.Contains(text, `ashlar_job_duration_seconds_count{job="`+tt.job+`"} 0`) ||
			strings.Contains(text, `ashlar_job_errors_total{job="`+tt.job+`"} 0`) == tt.failed {
			t.Errorf("the metrics do not say how %s went", tt.job)
		}
	}
}
