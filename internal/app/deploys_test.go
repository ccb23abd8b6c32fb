package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
)

// A server that starts with another build ends the ticket about the last one.
func TestTheTicketOfADeployEndsWithTheNextOne(t *testing.T) {
	posted := make(chan []byte, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- body
	}))
	t.Cleanup(hook.Close)
	t.Setenv("HOOK", hook.URL)
	dir, data := app(t, "-- ashlar.yaml --\nashlar: 1\nname: app\noperate: {alerts: {to: [{webhook: $HOOK}]}}\n"), t.TempDir()
	open := func(build string) *App {
		return opened(t, dir, Config{Data: data, Version: build, Telemetry: AutoTelemetry})
	}
	first := open("v1")
	worse := deploy.Audit{At: time.Now(), Change: "build v0 → v1", Measures: []deploy.Measure{{Kind: deploy.Errors, After: 0.5, Verdict: deploy.Worse}}}
	details, err := json.Marshal(worse)
	if err != nil {
		t.Fatal(err)
	}
	first.Archive.PutEvent(archive.Event{Kind: archive.EventAudit, Text: worse.Summary(), Details: string(details)})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, open("v2"))
	var got struct {
		Type string
		Data struct {
			Alert, Severity, Summary string
			Details                  map[string]string
		}
	}
	if err := json.Unmarshal(<-posted, &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Type, want.Data.Alert, want.Data.Severity, want.Data.Summary = "alert.over", "deploy/ticket", "ticket", "deploy of build v0 → v1: over with the next deploy"
	want.Data.Details = map[string]string{"worse_1": "failed requests 0 % → 50 %"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the webhook gets:\n%s", diff)
	}
}
