package operate_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web/operate"
)

func TestTracesAreShownToOperators(t *testing.T) {
	traces := trace.New(trace.Config{})
	for i, table := range []string{"posts", "members"} {
		r := telemetry.Record{ID: "R" + table, Table: table, Duration: time.Duration(i+1) * time.Millisecond, Status: 200 + 300*i}
		r.Join(telemetry.TraceContext{})
		traces.Take(&r)
	}
	srv := listener(t, operate.Config{Traces: traces, Token: token})
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"", []string{"Rmembers", "Rposts"}},
		{"?table=posts", []string{"Rposts"}},
		{"?failed=true", []string{"Rmembers"}},
		{"?at_least=2ms", []string{"Rmembers"}},
		{"?limit=1", []string{"Rmembers"}},
		{"?slow=true", nil},
	} {
		status, body := ask(t, srv, "/debug/traces"+tt.query, "Authorization: Bearer "+token)
		var got struct{ Traces []trace.Trace }
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK || len(got.Traces) != len(tt.want) {
			t.Errorf("GET %s = %d with %s (%v), want %v", tt.query, status, body, err, tt.want)
			continue
		}
		for i, want := range tt.want {
			if got.Traces[i].ID != want {
				t.Errorf("GET %s: trace %d is %s, want %s", tt.query, i, got.Traces[i].ID, want)
			}
		}
	}
	for _, tt := range []struct {
		path, header string
		want         int
	}{
		{"/debug/traces/Rposts", "Authorization: Bearer " + token, 200},
		{"/debug/traces/R3", "Authorization: Bearer " + token, 404},
		{"/debug/traces?limit=0", "Authorization: Bearer " + token, 400},
		{"/debug/traces?at_least=x", "Authorization: Bearer " + token, 400},
		{"/debug/traces?failed=x", "Authorization: Bearer " + token, 400},
		{"/debug/traces/Rposts", "X-None: 1", 401},
		{"/debug/traces", "Host: evil.example", 403},
	} {
		got, body := ask(t, srv, tt.path, tt.header)
		if got != tt.want {
			t.Errorf("GET %s with %s = %d %s, want %d", tt.path, tt.header, got, body, tt.want)
		}
		if got == 404 && !strings.Contains(body, "no trace in memory has this id") {
			t.Errorf("GET %s does not say what is not there: %s", tt.path, body)
		}
	}
}
