package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/telemetry/jsonline"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const s = Secret("hunter2")
	type holder struct {
		Password Secret
		List     []Secret
		Map      map[string]Secret
	}
	h := holder{s, []Secret{s}, map[string]Secret{"k": s}}
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s"} {
		out = append(out, fmt.Sprintf(verb, s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	out = append(out, fmt.Sprint(s), fmt.Sprintln(h), errors.New(s.String()).Error())
	for _, v := range []any{s, h, &h} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	for _, format := range []string{"text", "json"} {
		var buf bytes.Buffer
		NewLogger(&buf, format, slog.LevelInfo).Info("m", "secret", s, "holder", h, slog.Group("g", "s", s))
		out = append(out, buf.String())
	}
	for _, line := range out {
		if strings.Contains(line, "hunter") || strings.Contains(line, "68756e") {
			t.Errorf("a secret was printed: %s", line)
		}
		if !strings.Contains(line, redacted) {
			t.Errorf("%q does not say %s", line, redacted)
		}
	}
	if string(s) != "hunter2" {
		t.Error("a conversion does not reveal the secret")
	}
}

func TestRequestIsOneLine(t *testing.T) {
	full := &Record{
		Work: WorkRequest, Operation: "get", Shape: "get posts fields(id)", Key: "k1", Rows: 1, Received: 7, Queue: 1500 * time.Microsecond,
		Weight: 10, Cache: "hit", Public: time.Minute, Limit: "reads", Trace: TraceID{15: 1}, Span: SpanID{7: 2}, Parent: SpanID{7: 3},
		Statements: Statements{Count: 2, Took: 250 * time.Microsecond, Rows: 3},
		ID:         "R1", ClientID: "c-1", Method: "GET", Path: "/api/posts/a\nb", Route: "GET /api/{table}/{id}", Table: "posts",
		Status: 500, Bytes: 12, Duration: 1234567 * time.Nanosecond, Held: 500 * time.Microsecond, Caller: "user:u1", Remote: "10.0.0.1:99",
		Problem: "internal", Err: errors.New("disk\nfull"), Stack: "goroutine 1",
	}
	var buf bytes.Buffer
	full.Log(NewLogger(&buf, "json", slog.LevelInfo))
	if n := strings.Count(buf.String(), "\n"); n != 1 {
		t.Fatalf("%d lines, want 1: %s", n, buf.String())
	}
	var got map[string]any
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "ERROR", "msg": "request", "id": "R1", "client_id": "c-1", "method": "GET", "path": "/api/posts/a\nb",
		"route": "GET /api/{table}/{id}", "table": "posts", "status": 500.0, "bytes": 12.0, "duration_ms": 1.234,
		"caller": "user:u1", "remote": "10.0.0.1:99", "kind": "internal", "error": "disk\nfull", "stack": "goroutine 1",
		"trace": "00000000000000000000000000000001", "span": "0000000000000002", "parent": "0000000000000003",
		"operation": "get", "shape": "get posts fields(id)", "key": "k1", "rows": 1.0, "received": 7.0, "queue_ms": 1.5, "held_ms": 0.5, "weight": 10.0,
		"cache": "hit", "public_s": 60.0, "limit": "reads", "statements": 2.0, "database_ms": 0.25,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// TestRequestLineIsThatOfSlog compares the short way with slog's, byte for byte.
func TestRequestLineIsThatOfSlog(t *testing.T) {
	plain := Record{Work: WorkRequest, ID: "R1", Method: "GET", Path: "/api/posts/1", Status: 200, Bytes: 512, Caller: "anonymous", Remote: "10.0.0.1:99"}
	for _, tt := range []struct {
		name  string
		edit  func(*Record)
		short bool
	}{
		{"plain", func(*Record) {}, true},
		{"empty", func(r *Record) { *r = Record{} }, true},
		{"route and table", func(r *Record) { r.Route, r.Table = "GET /api/{table}/{id}", "posts" }, true},
		{"client id", func(r *Record) { r.ClientID = "c-1" }, true},
		{"kind without an error", func(r *Record) { r.Problem = "internal" }, true},
		{"microseconds", func(r *Record) { r.Duration = 7 * time.Microsecond }, true},
		{"hours", func(r *Record) { r.Duration = 3*time.Hour + 1234567*time.Nanosecond }, true},
		{"wide", func(r *Record) {
			r.Statements.Count, r.Statements.Took, r.Queue, r.Rows, r.Received, r.Weight = 3, time.Millisecond, time.Second, 30, 9, 1/0.3
			r.Shape = "list posts filter(title == arg.t && n > ?) sort(-id)"
		}, true},
		{"migration", func(r *Record) { r.Work = WorkMigration }, true},
		{"trace", func(r *Record) { r.Trace, r.Span = TraceID{1, 0xab}, SpanID{0xff} }, true},
		{"markup", func(r *Record) { r.Path = "/<&>'~" }, true},
		{"quote", func(r *Record) { r.Path = `/a"b` }, false},
		{"backslash", func(r *Record) { r.Caller = `user:a\b` }, false},
		{"line", func(r *Record) { r.Path = "/a\nb" }, false},
		{"delete", func(r *Record) { r.Path = "/\x7f" }, false},
		{"letters beyond ASCII", func(r *Record) { r.Path = "/é\u2028" }, false},
		{"not UTF-8", func(r *Record) { r.Path = "/\xff" }, false},
		{"error", func(r *Record) { r.Err, r.Problem = errors.New("x"), "conflict" }, true},
		{"error with a quote", func(r *Record) { r.Err, r.Problem = errors.New(`"x"`), "conflict" }, false},
		{"stack", func(r *Record) { r.Stack = "goroutine 1\nmain" }, false},
	} {
		r := plain
		tt.edit(&r)
		at := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.FixedZone("", 3600))
		var got bytes.Buffer
		short := jsonline.NewHandler(&got, nil).Log(at, slog.LevelError, "request", &r)
		if short != tt.short {
			t.Errorf("%s: written the short way: %v, want %v", tt.name, short, tt.short)
			continue
		}
		if !short {
			continue
		}
		var want bytes.Buffer
		record := slog.NewRecord(at, slog.LevelError, "request", 0)
		record.AddAttrs(r.attrs()...)
		if err := slog.NewJSONHandler(&want, nil).Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s: line (-slog +short):\n%s", tt.name, diff)
		}
	}
}

func TestRequestLevels(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Record
		want string
	}{
		{"fine", Record{Status: 200}, "level=INFO"},
		{"the client's fault", Record{Status: 422}, "level=INFO"},
		{"busy", Record{Status: 503}, "level=INFO"},
		{"ours", Record{Status: 500, Problem: "internal"}, "level=ERROR"},
		{"ours, after the header", Record{Status: 200, Problem: "internal"}, "level=ERROR"},
		{"a panic after the header", Record{Status: 200, Stack: "x"}, "level=ERROR"},
	} {
		var buf bytes.Buffer
		tt.r.Log(NewLogger(&buf, "text", slog.LevelInfo))
		if !strings.Contains(buf.String(), tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, buf.String(), tt.want)
		}
	}
	var b bytes.Buffer
	(&Record{Status: 200}).Log(NewLogger(&b, "text", slog.LevelError))
	if b.Len() != 0 {
		t.Errorf("a disabled level wrote %s", b.String())
	}
}

func BenchmarkRequestLog(b *testing.B) {
	r := &Record{Work: WorkRequest, ID: "4TQ2C7N5YJ6F3K8M9PXWRZVBDA", Method: "GET", Path: "/api/posts/019a2f6e", Route: "GET /api/{table}/{id}",
		Table: "posts", Status: 200, Bytes: 512, Duration: time.Millisecond, Caller: "user:u1", Remote: "127.0.0.1:5050"}
	for _, bb := range []struct {
		name   string
		logger *slog.Logger
	}{
		{"text", NewLogger(io.Discard, "text", slog.LevelInfo)},
		{"json", NewLogger(io.Discard, "json", slog.LevelInfo)},
		{"terminal", NewTerminalLogger(io.Discard, true, slog.LevelInfo)},
		{"json of slog", slog.New(slog.NewJSONHandler(io.Discard, nil))}, // the reason for package jsonline
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Log(bb.logger)
			}
		})
	}
}
