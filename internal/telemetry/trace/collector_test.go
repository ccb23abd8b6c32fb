package trace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// network is a listener in memory, so that synctest can wait for what goes over it.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	dials  atomic.Int64
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.dials.Add(1)
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		return client, nil
	case <-n.closed:
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// export calls test in a bubble of synctest, with Traces that export to a collector. Then it stops the export, and returns its
// counts.
func export(t *testing.T, collector http.Handler, cfg ExportConfig, test func(*Traces, *Exporter)) (stats Stats) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: collector}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(n)
		}()
		if cfg.URL == "" {
			cfg.URL = "http://collector:4318/v1/traces"
		}
		if cfg.Egress == nil {
			cfg.Egress = outbound.New(outbound.Config{Dial: n.dial})
		}
		e, err := NewExporter(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- e.Run(ctx) }()
		test(New(Config{Exporter: e}), e)
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		close(n.closed)
		_ = server.Close()
		<-served
		stats = e.Stats()
	})
	return stats
}

// A collector keeps the spans that it gets.
type collector struct {
	mu      sync.Mutex
	headers http.Header
	got     []*tracepb.ResourceSpans
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent coltracepb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &sent)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = r.Header
	c.got = append(c.got, sent.GetResourceSpans()...)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) spans() (all []*tracepb.Span) {
	for _, resource := range c.got {
		for _, scope := range resource.GetScopeSpans() {
			all = append(all, scope.GetSpans()...)
		}
	}
	return all
}

func attributesOf(list []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, pair := range list {
		if n, ok := pair.GetValue().GetValue().(*commonpb.AnyValue_IntValue); ok {
			all[pair.GetKey()] = fmt.Sprint(n.IntValue)
		} else {
			all[pair.GetKey()] = pair.GetValue().GetStringValue()
		}
	}
	return all
}

func TestCollectorGetsTheSpansOfTheRecord(t *testing.T) {
	var c collector
	r := newRecord(1)
	r.Join(telemetry.TraceContext{Trace: telemetry.TraceID{1}, Span: telemetry.SpanID{2}, Sampled: true})
	cfg := ExportConfig{
		Ratio: 1, Service: "careers", Version: "1.2", Instance: "n1:8080", Database: "sqlite", Headers: "X-Key=a%20b,X-Team=t",
	}
	stats := export(t, &c, cfg, func(traces *Traces, _ *Exporter) { traces.Take(r) })
	if stats.Exported != 1 || len(c.got) != 1 {
		t.Fatalf("exported %+v, the collector has %d messages", stats, len(c.got))
	}
	if c.headers.Get("X-Key") != "a b" || c.headers.Get("X-Team") != "t" {
		t.Errorf("headers are %v", c.headers)
	}
	resource := map[string]string{"service.name": "careers", "service.version": "1.2", "service.instance.id": "n1:8080"}
	if diff := cmp.Diff(resource, attributesOf(c.got[0].GetResource().GetAttributes())); diff != "" {
		t.Error(diff)
	}
	spans := c.spans()
	if len(spans) != 4 {
		t.Fatalf("%d spans, want 4", len(spans))
	}
	whole, queue, statement := spans[0], spans[1], spans[2]
	if !bytes.Equal(whole.GetTraceId(), r.Trace[:]) || !bytes.Equal(whole.GetSpanId(), r.Span[:]) || !bytes.Equal(whole.GetParentSpanId(), r.Parent[:]) {
		t.Errorf("the ids are %x %x %x", whole.GetTraceId(), whole.GetSpanId(), whole.GetParentSpanId())
	}
	if whole.GetStartTimeUnixNano() != uint64(r.Start.UnixNano()) || whole.GetEndTimeUnixNano()-whole.GetStartTimeUnixNano() != uint64(r.Duration) {
		t.Errorf("it runs from %d to %d", whole.GetStartTimeUnixNano(), whole.GetEndTimeUnixNano())
	}
	if whole.GetName() != "GET /api/{table}" || whole.GetKind() != tracepb.Span_SPAN_KIND_SERVER || whole.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_UNSET || whole.GetFlags() != 0x301 {
		t.Errorf("it is %v", whole)
	}
	attributes := map[string]string{
		"http.request.method": "GET", "url.path": "/api/posts", "http.route": "/api/{table}", "http.response.status_code": "200", "http.response.body.size": "512",
		"ashlar.request_id": "R1", "ashlar.caller_kind": "user", "ashlar.table": "posts", "ashlar.operation": "list", "ashlar.shape": "list posts sort(-id)",
		"ashlar.rows": "30", "ashlar.statements": "2",
	}
	if diff := cmp.Diff(attributes, attributesOf(whole.GetAttributes())); diff != "" {
		t.Error(diff)
	}
	for _, span := range spans[1:] {
		if !bytes.Equal(span.GetTraceId(), r.Trace[:]) || !bytes.Equal(span.GetParentSpanId(), r.Span[:]) || len(span.GetSpanId()) != 8 {
			t.Errorf("the ids of %s are %x %x %x", span.GetName(), span.GetTraceId(), span.GetSpanId(), span.GetParentSpanId())
		}
	}
	if queue.GetName() != "queue" || statement.GetName() != "SELECT posts" || statement.GetKind() != tracepb.Span_SPAN_KIND_CLIENT {
		t.Errorf("the parts are %v and %v", queue, statement)
	}
	query := map[string]string{
		"db.system.name": "sqlite", "db.operation.name": "SELECT", "db.collection.name": "posts", "db.query.summary": "SELECT posts",
		"db.query.text": `SELECT t0."id" FROM "posts" AS t0 WHERE t0."state" = '?' LIMIT ?1`, "db.response.returned_rows": "30",
	}
	if diff := cmp.Diff(query, attributesOf(statement.GetAttributes())); diff != "" {
		t.Error(diff)
	}
}

func TestFailedSpanSaysItsKindAndNoText(t *testing.T) {
	var c collector
	r := newRecord(1)
	r.Sampled = false
	r.Status, r.Problem, r.Err, r.Method, r.Route, r.Path = 500, "internal", fmt.Errorf("hunter2"), "BREW\xff", "", "/\xff"
	export(t, &c, ExportConfig{}, func(traces *Traces, _ *Exporter) { traces.Take(r) }) // exported though it is not sampled
	whole := c.spans()[0]
	got := attributesOf(whole.GetAttributes())
	if whole.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || whole.GetStatus().GetMessage() != "" || got["error.type"] != "internal" {
		t.Errorf("status is %v, error.type is %q", whole.GetStatus(), got["error.type"])
	}
	if whole.GetName() != "HTTP" || got["http.request.method"] != "_OTHER" || got["url.path"] != "/\uFFFD" {
		t.Errorf("name is %q, attributes are %v", whole.GetName(), got)
	}
	if strings.Contains(fmt.Sprint(c.got), "hunter2") {
		t.Error("a span holds the text of an error or of a literal")
	}
}

// Neither a busy client nor what a collector answers may cost memory or time of a request.
func TestHostileCollectorDisturbsNothing(t *testing.T) {
	const room, sent = 2 * batchSize, 5 * batchSize
	var written, calls atomic.Int64
	endless := func(w http.ResponseWriter, chunk []byte) {
		for {
			n, err := w.Write(chunk)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	}
	for _, tt := range []struct {
		name      string
		collector http.HandlerFunc
	}{
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }},
		{"answers without an end", func(w http.ResponseWriter, _ *http.Request) { endless(w, make([]byte, 64<<10)) }},
		{"refuses without an end", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			endless(w, make([]byte, 64<<10))
		}},
		{"sends header without an end", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			for err == nil {
				var n int
				n, err = fmt.Fprintf(conn, "X: %s\r\n", strings.Repeat("x", 4000))
				written.Add(int64(n))
			}
		}},
		{"redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other/v1/traces", http.StatusTemporaryRedirect)
		}},
		{"has too much to do", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
		}},
		{"is unavailable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"resets", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"answers nonsense", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = io.WriteString(w, "\xff\xff\xff\xff")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			written.Store(0)
			calls.Store(0)
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if r.Host != "collector:4318" {
					t.Errorf("spans were sent to %s", r.Host)
				}
				tt.collector(w, r)
			})
			var log bytes.Buffer
			cfg := ExportConfig{Ratio: 1, Logger: slog.New(slog.NewTextHandler(&log, nil)), room: room}
			var before, grown int64
			stats := export(t, handler, cfg, func(traces *Traces, e *Exporter) {
				record := newRecord(1)
				traces.Take(record)
				before = heap()
				for range sent - 1 { // no time passes in the bubble, so none of them waits
					traces.Take(record)
				}
				if e.Stats().Queued > room {
					t.Errorf("%d traces wait", e.Stats().Queued)
				}
				time.Sleep(10 * time.Minute) // of the bubble
				grown = heap() - before
			})
			if calls.Load() == 0 || stats.Exported != 0 || stats.Dropped == 0 || stats.Failed+stats.Dropped != sent || stats.Queued != 0 {
				t.Errorf("after %d calls: %+v, want all %d failed or dropped", calls.Load(), stats, sent)
			}
			if written.Load() > int64(calls.Load())*(1<<20) {
				t.Errorf("the collector could send %d bytes", written.Load())
			}
			if grown > 4<<20 {
				t.Errorf("the heap grew by %d KiB", grown>>10)
			}
			if lines := strings.Count(log.String(), "traces were not exported"); lines < 1 || lines > 12 {
				t.Errorf("%d lines in 10 minutes: %s", lines, log.String())
			}
		})
	}
}

func TestAbsentCollectorThatComesBackLosesNothing(t *testing.T) {
	var c collector
	attempts := 0
	stats := Stats{}
	synctest.Test(t, func(t *testing.T) {
		n := &network{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: &c}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(n)
		}()
		egress := outbound.New(outbound.Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if attempts++; attempts < 3 {
				return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
			}
			return n.dial(ctx, network, address)
		}})
		e, err := NewExporter(ExportConfig{URL: "http://collector:4318/v1/traces", Ratio: 1, Egress: egress})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- e.Run(ctx) }()
		New(Config{Exporter: e}).Take(newRecord(1))
		time.Sleep(time.Minute)
		cancel()
		<-stopped
		close(n.closed)
		_ = server.Close()
		<-served
		stats = e.Stats()
	})
	if stats.Exported != 1 || len(c.spans()) != 4 {
		t.Errorf("%+v after %d attempts", stats, attempts)
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	var c collector
	var calls []time.Time
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls = append(calls, time.Now()); len(calls) == 1 {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		c.ServeHTTP(w, r)
	})
	stats := export(t, handler, ExportConfig{Ratio: 1}, func(traces *Traces, _ *Exporter) {
		traces.Take(newRecord(1))
		time.Sleep(time.Minute)
	})
	if stats.Exported != 1 || len(calls) != 2 || calls[1].Sub(calls[0]) < 20*time.Second {
		t.Errorf("%+v with calls at %v", stats, calls)
	}
}

func TestStopSendsWhatWaitsWithinTheGrace(t *testing.T) {
	var c collector
	var took time.Duration
	stats := export(t, &c, ExportConfig{Ratio: 1}, func(traces *Traces, _ *Exporter) {
		for i := range 100 {
			traces.Take(newRecord(i))
		}
	})
	if stats.Exported != 100 {
		t.Errorf("%+v, want 100 exported", stats)
	}
	hanging := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	var began time.Time
	synctest.Test(t, func(t *testing.T) { began = time.Now() }) // all bubbles begin at the same time
	stats = export(t, hanging, ExportConfig{Ratio: 1, Grace: 3 * time.Second, Logger: slog.New(slog.NewTextHandler(elapsed{&took, began}, nil))}, func(traces *Traces, _ *Exporter) {
		for i := range 3 * batchSize {
			traces.Take(newRecord(i))
		}
	})
	if stats.Failed != 3*batchSize || took > 5*time.Second {
		t.Errorf("%+v after %v, want all failed within 3 s", stats, took)
	}
}

// elapsed notes the time of the last write.
type elapsed struct {
	took  *time.Duration
	began time.Time
}

func (e elapsed) Write(p []byte) (int, error) {
	*e.took = time.Since(e.began)
	return len(p), nil
}

func TestSamplingFollowsTheParentElseTheRatio(t *testing.T) {
	root, child := newRecord(1), newRecord(2)
	child.Join(telemetry.TraceContext{Trace: telemetry.TraceID{1}, Span: telemetry.SpanID{1}, Sampled: true})
	root.Sampled = false
	if !isExported(child, false) || isExported(root, false) || !isExported(root, true) {
		t.Error("a sampled child and a slow root are exported, and no other root")
	}
	child.Sampled, child.Status, root.Status = false, 500, 500
	if isExported(child, true) || !isExported(root, false) {
		t.Error("a failed root is exported, and no child whose parent says no")
	}
	for _, share := range []float64{0, 0.002, 0.1, 1} { // a small share looks at other bits of the id
		const all = 50_000
		sampler, count := &Exporter{cfg: ExportConfig{Ratio: share}}, 0.0
		for range all {
			if sampler.Sample(telemetry.TraceContext{}.Begin().Trace) {
				count++
			}
		}
		if far := 8 * math.Sqrt(all*share*(1-share)); math.Abs(count-all*share) > far {
			t.Errorf("%v of %d traces are in a share of %v", count, all, share)
		}
	}
	for _, tt := range []struct {
		last  byte
		share float64
		want  bool
	}{{0, 0, false}, {255, 1, true}, {0, 0.5, true}, {255, 0.5, false}, {127, 0.5, true}, {128, 0.5, false}} {
		if got := inRatio(telemetry.TraceID{8: tt.last}, tt.share); got != tt.want {
			t.Errorf("inRatio(…%x…, %v) = %v", tt.last, tt.share, got)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"},
		{"https://c.example.com/", "https://c.example.com/v1/traces"},
		{"https://c.example.com/otlp/v1/traces", "https://c.example.com/otlp/v1/traces"},
		{"127.0.0.1:4318", ""}, {"grpc://a:4317", ""}, {"http://user:secret@a", ""}, {"http://a?key=secret", ""}, {"", ""}, {"http://", ""},
	} {
		got, err := Endpoint(tt.in)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("Endpoint(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

func TestHeadersAreReadAndNeverRepeated(t *testing.T) {
	got, err := parseHeaders(" a = b%2C , c=d=e,")
	if diff := cmp.Diff(map[string]string{"a": "b,", "c": "d=e"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{"secret", "=secret", "a=secret%", "a b=secret", "a=x%0d%0asecret"} {
		if _, err := NewExporter(ExportConfig{Headers: telemetry.Secret(bad)}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("headers %q: error is %v", bad, err)
		}
	}
}
