package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
)

// ask sends a request with headers and returns the status.
func ask(t *testing.T, method, url, body string, header map[string]string) (int, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

// taken waits for the trace of a request: its sinks get the record when the client already has the answer.
func taken(t *testing.T, server *App, id string) trace.Trace {
	t.Helper()
	for range 1000 {
		if found, ok := server.Traces.ByID(id); ok {
			return found
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("there is no trace of request %s", id)
	return trace.Trace{}
}

// Without any setting, the last request can be looked at with its statements.
func TestLastRequestHasATraceWithItsStatements(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	run := start(t, server)
	for _, tt := range []struct{ method, path, body, name, statement string }{
		{"GET", "/api/notes?filter=text+%3D%3D+%22hunter2%22", "", "GET /api/{table}", "SELECT notes"},
		{"POST", "/api/notes", `{"text": "hunter2"}`, "POST /api/{table}", "INSERT notes"},
	} {
		_, header := ask(t, tt.method, run.base+tt.path, tt.body, nil)
		got := taken(t, server, header.Get("X-Request-Id"))
		isStatement := func(s trace.Span) bool { return s.Name == tt.statement && s.Statement && s.SQL != "" }
		if got.Name() != tt.name || !slices.ContainsFunc(got.Spans, isStatement) {
			t.Errorf("%s: the trace is %q with %+v", tt.name, got.Name(), got.Spans)
		}
		if text := fmt.Sprintf("%+v", got); strings.Contains(text, "hunter2") {
			t.Errorf("the trace holds a value: %s", text)
		}
	}
}

func TestTraceContextOfTheCallerIsContinued(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	run := start(t, server)
	_, header := ask(t, "GET", run.base+"/api/notes", "", map[string]string{"Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	got := taken(t, server, header.Get("X-Request-Id"))
	if got.Trace.String() != "4bf92f3577b34da6a3ce929d0e0e4736" || got.Parent.String() != "00f067aa0ba902b7" || !got.Sampled {
		t.Errorf("the trace is %v below %v, sampled %v", got.Trace, got.Parent, got.Sampled)
	}
}

// Memory forgets. The telemetry database keeps failed traces for longer, and gives the same trace back.
func TestFailedTraceIsKeptInTheTelemetryDatabase(t *testing.T) {
	server := opened(t, app(t, notes), Config{Telemetry: AutoTelemetry})
	failed := telemetry.Record{Work: telemetry.WorkRequest, ID: "R1", Start: time.Now(), Duration: time.Millisecond, Route: "GET /api/{table}", Status: 500}
	failed.Join(telemetry.TraceContext{})
	run := start(t, server)
	for _, sink := range server.sinks {
		sink.Take(&failed)
	}
	var kept archive.Trace
	for range 5000 {
		var err error
		if kept, err = server.Archive.Trace(t.Context(), failed.Trace); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	got, err := trace.Decode(kept.Body)
	if want, _ := server.Traces.ByID("R1"); err != nil || got.ID != "R1" || got.Span != want.Span || !got.Failed || kept.Name != "GET /api/{table}" {
		t.Errorf("the archive has %q: %+v (%v)", kept.Name, got, err)
	}
	run.stop()
}

// Baggage and tracestate are up to the client. A server that parsed them would pay for them with memory.
func TestExhaustion_BaggageAndTracestateCostNoMemory(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	run := start(t, server)
	var entries []string
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf("vendor%d=value%d", i, i))
	}
	headers := []map[string]string{
		{"Baggage": strings.Repeat("key=value,", 6000)},
		{"Tracestate": strings.Join(entries, ","), "Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
	send := func(rounds int) {
		for range rounds {
			for _, header := range headers {
				status, _ := ask(t, "GET", run.base+"/api/notes", "", header)
				if status != http.StatusOK {
					t.Fatalf("status %d", status)
				}
			}
		}
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	send(50)
	before := heap()
	send(150)
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("after 300 requests the heap has %d KiB more", grown>>10)
	}
	server.flushRecords()
	if _, ok := server.Traces.ByID("4bf92f3577b34da6a3ce929d0e0e4736"); !ok { // the trace of all requests with a tracestate
		t.Error("the trace of the caller is not continued")
	}
}

// fakeCollector keeps the names of the spans that it gets.
type fakeCollector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	names []string // service.name
}

func (c *fakeCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent coltracepb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range sent.GetResourceSpans() {
		for _, pair := range resource.GetResource().GetAttributes() {
			if pair.GetKey() == "service.name" {
				c.names = append(c.names, pair.GetValue().GetStringValue())
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// An app that stops sends the traces of its last requests.
func TestTracesReachTheCollectorBeforeTheStop(t *testing.T) {
	var c fakeCollector
	collector := httptest.NewServer(&c)
	defer collector.Close()
	server := opened(t, app(t, notes), Config{Traces: Export{URL: collector.URL + "/v1/traces", Ratio: 1}})
	run := start(t, server)
	for range 3 {
		get(t, run.base+"/api/notes")
	}
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, span := range c.spans {
		if span.GetName() == "GET /api/{table}" {
			requests++
		}
	}
	if requests != 3 || !slices.Contains(c.names, "notes") {
		t.Errorf("the collector has %d of 3 requests, of %v", requests, c.names)
	}
}

// A collector that takes connections and never answers delays neither a request nor the stop beyond its grace.
func TestHangingCollectorDelaysNoRequest(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	server := opened(t, app(t, notes), Config{Grace: 200 * time.Millisecond, Traces: Export{URL: "http://" + ln.Addr().String(), Ratio: 1}})
	run := start(t, server)
	for range 200 {
		if got := get(t, run.base+"/api/notes"); got.status != http.StatusOK {
			t.Fatalf("status %d", got.status)
		}
	}
	run.stop()
	if err := run.wait(); err != nil {
		t.Errorf("Serve = %v", err)
	}
}
