package trace

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// newRecord returns the record of a list, with two statements.
func newRecord(i int) *telemetry.Record {
	r := &telemetry.Record{
		Work: telemetry.WorkRequest, ID: fmt.Sprintf("R%d", i), Start: time.Unix(1800000000, 0).Add(time.Duration(i) * time.Second), Duration: 10 * time.Millisecond,
		Method: "GET", Path: "/api/posts", Route: "GET /api/{table}", Status: 200, Remote: "10.0.0.1:99", Bytes: 512,
		Caller: "user:u1", CallerKind: "user", Table: "posts", Operation: "list", Shape: "list posts sort(-id)", Queue: 2 * time.Millisecond,
	}
	r.Join(telemetry.TraceContext{})
	r.Rows = 30
	r.Statements.Begin(r.Start)
	r.Statements.Add(`SELECT t0."id" FROM "posts" AS t0 WHERE t0."state" = 'hunter2' LIMIT ?1`, r.Start.Add(3*time.Millisecond), 2*time.Millisecond, 30)
	r.Statements.Add(`SELECT count(*) FROM "posts" AS t0`, r.Start.Add(6*time.Millisecond), time.Millisecond, 1)
	return r
}

func TestTheLastTraceIsKeptWithItsStatements(t *testing.T) {
	traces := New(Config{})
	r := newRecord(1)
	traces.Take(r)
	got := traces.Recent(Filter{})
	if len(got) != 1 {
		t.Fatalf("%d traces, want 1", len(got))
	}
	want := Trace{
		ID: "R1", Trace: r.Trace, Span: r.Span, Sampled: true, Work: telemetry.WorkRequest, Start: r.Start, Duration: 10 * time.Millisecond,
		Queue: 2 * time.Millisecond, Method: "GET", Path: "/api/posts", Route: "GET /api/{table}", Status: 200, Bytes: 512,
		Caller: "user:u1", CallerKind: "user", Table: "posts", Operation: "list", Shape: "list posts sort(-id)",
		Rows: 30, Statements: 2, Database: 3 * time.Millisecond,
		Spans: []Span{
			{Name: "queue", Start: time.Millisecond, Duration: 2 * time.Millisecond},
			{Name: "SELECT posts", Start: 3 * time.Millisecond, Duration: 2 * time.Millisecond, Statement: true, Rows: 30, SQL: `SELECT t0."id" FROM "posts" AS t0 WHERE t0."state" = '?' LIMIT ?1`},
			{Name: "SELECT posts", Start: 6 * time.Millisecond, Duration: time.Millisecond, Statement: true, Rows: 1, SQL: `SELECT count(*) FROM "posts" AS t0`},
		},
	}
	ids := map[telemetry.SpanID]bool{r.Span: true, {}: true}
	for i, span := range got[0].Spans {
		if ids[span.ID] {
			t.Errorf("span %d has the id %v of another", i, span.ID)
		}
		ids[span.ID] = true
		got[0].Spans[i].ID = telemetry.SpanID{}
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"R1", r.Trace.String()} {
		if found, ok := traces.ByID(id); !ok || found.ID != "R1" {
			t.Errorf("ByID(%q) = %q, %v", id, found.ID, ok)
		}
	}
	if _, ok := traces.ByID("R2"); ok {
		t.Error("ByID found a trace that is not there")
	}
}

func TestSlowAndFailedTracesOutliveTheOthers(t *testing.T) {
	traces := New(Config{Slow: time.Second})
	for i := range 3 * ringSize {
		r := newRecord(i)
		switch i {
		case 0:
			r.Status, r.Problem, r.Err = 500, errs.Internal, errors.New("hunter2")
		case 1:
			r.Duration = time.Second
		case 2:
			r.Status, r.Problem = 404, errs.NotFound
		}
		traces.Take(r)
	}
	all := traces.Recent(Filter{Limit: 3 * ringSize})
	if len(all) != ringSize+2 || all[0].ID != fmt.Sprintf("R%d", 3*ringSize-1) || all[len(all)-1].ID != "R0" {
		t.Errorf("%d traces from %s to %s", len(all), all[0].ID, all[len(all)-1].ID)
	}
	for _, tt := range []struct {
		filter Filter
		want   string
	}{{Filter{Failed: true}, "R0"}, {Filter{Slow: true}, "R1"}, {Filter{AtLeast: time.Second}, "R1"}} {
		if got := traces.Recent(tt.filter); len(got) != 1 || got[0].ID != tt.want {
			t.Errorf("Recent(%+v) = %d traces, want %s", tt.filter, len(got), tt.want)
		}
	}
}

func TestFilter(t *testing.T) {
	traces := New(Config{})
	r := newRecord(1)
	traces.Take(r)
	other := newRecord(2)
	other.Table, other.Route, other.Operation, other.Caller = "members", "POST /api/{table}", "create", ""
	other.Statements.List = nil
	traces.Take(other)
	for _, tt := range []struct {
		name   string
		filter Filter
	}{
		{"table", Filter{Table: "posts"}}, {"route", Filter{Route: "GET /api/{table}"}}, {"operation", Filter{Operation: "list"}},
		{"caller", Filter{Caller: "user:u1"}}, {"trace", Filter{Trace: r.Trace}}, {"statement", Filter{Statement: "posts"}},
	} {
		if got := traces.Recent(tt.filter); len(got) != 1 || got[0].ID != "R1" {
			t.Errorf("by %s: %d traces", tt.name, len(got))
		}
	}
	if got := traces.Recent(Filter{Limit: 1}); len(got) != 1 || got[0].ID != "R2" {
		t.Errorf("with a limit: %d traces", len(got))
	}
}

func TestWaterfall(t *testing.T) {
	trace := Trace{Route: "GET /x", Duration: 10 * time.Millisecond, Spans: []Span{
		{Name: "a", Start: 2 * time.Millisecond, Duration: 3 * time.Millisecond},
		{Name: "b", Start: 9 * time.Millisecond, Duration: 5 * time.Millisecond}, // the clock stepped
		{Name: "c", Start: -time.Millisecond, Duration: 2 * time.Millisecond},
	}}
	var got []string
	for _, bar := range trace.Waterfall() {
		got = append(got, fmt.Sprintf("%d %s %v+%v", bar.Depth, bar.Name, bar.Left, bar.Width))
	}
	want := []string{"0 GET /x 0+100", "1 a 20+30", "1 b 90+10", "1 c 0+10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if bars := (&Trace{Spans: []Span{{Duration: 1}}}).Waterfall(); bars[1].Width != 0 {
		t.Errorf("a bar in no time is %v wide", bars[1].Width)
	}
}

type keeper struct{ kept []string }

func (k *keeper) PutTrace(t Trace) { k.kept = append(k.kept, t.ID) }

func TestSlowAndFailedTracesReachTheKeeper(t *testing.T) {
	var k keeper
	traces := New(Config{Keeper: &k})
	for i, change := range []func(*telemetry.Record){
		func(*telemetry.Record) {},
		func(r *telemetry.Record) { r.Duration = 200 * time.Millisecond },
		func(r *telemetry.Record) { r.Status = 500 },
		func(r *telemetry.Record) { r.Status = 422 },
	} {
		r := newRecord(i)
		change(r)
		traces.Take(r)
	}
	if diff := cmp.Diff([]string{"R1", "R2"}, k.kept); diff != "" {
		t.Error(diff)
	}
	storm := newRecord(9)
	storm.Status = 503
	for range 3 * mostHanded {
		traces.Take(storm)
	}
	if len(k.kept) != 2+mostHanded {
		t.Errorf("of a storm in one second the keeper got %d traces, want %d", len(k.kept)-2, mostHanded)
	}
}

func TestEncodedTraceIsTheSame(t *testing.T) {
	traces := New(Config{})
	r := newRecord(1)
	r.Join(telemetry.TraceContext{Trace: telemetry.TraceID{1}, Span: telemetry.SpanID{2}, Sampled: true})
	traces.Take(r)
	want := traces.Recent(Filter{})[0]
	body := Encode(&want)
	got, err := Decode(body)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if !strings.Contains(string(body), `"trace":"01000000000000000000000000000000"`) {
		t.Errorf("the trace is %s", body)
	}
	if _, err := Decode([]byte(`{"trace": "xyz"}`)); err == nil {
		t.Error("a bad id was accepted")
	}
}

// No text of an error, no value and no header may be in a trace.
func TestTraceHoldsNoSecret(t *testing.T) {
	traces := New(Config{})
	r := newRecord(1)
	r.Err, r.Stack, r.Status = errors.New("password hunter2 is wrong"), "panic: hunter2", 500
	traces.Take(r)
	if text := fmt.Sprintf("%+v", traces.Recent(Filter{})); strings.Contains(text, "hunter2") {
		t.Errorf("a trace says %s", text)
	}
}

// heap returns the bytes of the heap in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A client chooses paths, and can make new texts of statements by new filters. Both together must not fill the memory.
func TestMemoryIsBounded(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint("SELECT 1 FROM posts WHERE ", i))
	}
	before := heap()
	traces := New(Config{})
	for i := range 2 * maxTexts {
		traces.texts.number(fmt.Sprint("SELECT 1 FROM posts WHERE ", i, long[:5000]))
	}
	for i := range ringSize + keptSize {
		header := fmt.Sprint(i, long)
		r := newRecord(i)
		r.Method, r.Path, r.Caller, r.Shape, r.Duration, r.Status = header[:20], header[20:2000], header[:500], header[:1000], time.Second, 500
		for s := range 40 {
			r.Statements.Add(many[s], r.Start, time.Millisecond, 1)
		}
		traces.Take(r)
	}
	grown := heap() - before
	t.Logf("with all rings full of the longest traces it holds %d KiB", grown>>10)
	if grown > 14<<20 {
		t.Errorf("it holds %d KiB", grown>>10)
	}
	got := traces.Recent(Filter{Limit: 1})[0]
	if got.Statements != 42 || len(got.Spans) != 33 || got.Spans[2].Name != "SELECT posts" {
		t.Errorf("the last trace has %d statements, %d spans: %+v", got.Statements, len(got.Spans), got.Spans[2])
	}
	runtime.KeepAlive(traces)
}

func TestOldTextsMakeRoom(t *testing.T) {
	texts := newTexts()
	first, _ := texts.number("SELECT 0 FROM posts")
	for i := 1; i <= maxTexts; i++ {
		number, _ := texts.number(fmt.Sprintf("SELECT %d FROM posts", i))
		if again, name := texts.number(fmt.Sprintf("SELECT %d FROM posts", i)); again != number || name != "SELECT posts" {
			t.Fatalf("text %d is %d, then %d with the name %q", i, number, again, name)
		}
	}
	if sql := texts.sql(first); sql != "" || len(texts.known) != maxTexts {
		t.Errorf("the oldest text is still %q among %d", sql, len(texts.known))
	}
}

func TestMemoryOfShortTraces(t *testing.T) {
	before := heap()
	traces := New(Config{})
	for i := range ringSize + 500 {
		traces.Take(newRecord(i))
	}
	if grown := heap() - before; grown > 3<<20 {
		t.Errorf("it holds %d KiB", grown>>10)
	} else {
		t.Logf("full of short traces it holds %d KiB", grown>>10)
	}
	runtime.KeepAlive(traces)
}

func TestTracesAreReadWhileTheyAreTaken(t *testing.T) {
	traces := New(Config{})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 3000 {
				r := newRecord(worker*10000 + i)
				r.Table = r.ID
				traces.Take(r)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			for _, trace := range traces.Recent(Filter{Limit: 5000}) {
				if trace.ID != trace.Table || len(trace.Spans) != 3 {
					t.Errorf("trace %s is of %s and has %d spans", trace.ID, trace.Table, len(trace.Spans))
				}
			}
		}
	})
	all.Wait()
}

func BenchmarkTake(b *testing.B) {
	for _, bb := range []struct {
		name string
		cfg  func() Config
	}{
		{"ring", func() Config { return Config{} }},
		{"slow ring and ring", func() Config { return Config{Slow: 1} }},
		{"with export", func() Config {
			e, err := NewExporter(ExportConfig{URL: "http://127.0.0.1:1/v1/traces", Ratio: 1})
			if err != nil {
				b.Fatal(err)
			}
			return Config{Exporter: e}
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			cfg := bb.cfg()
			traces, r := New(cfg), newRecord(1)
			for range 2 * ringSize { // from then on the slots have their buffers
				traces.Take(r)
			}
			b.ReportAllocs()
			for b.Loop() {
				if cfg.Exporter != nil {
					cfg.Exporter.size = 0 // as if all had been sent
				}
				traces.Take(r)
			}
		})
	}
}
