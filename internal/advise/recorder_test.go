package advise

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// ran returns the record of a request that ran one statement.
func ran(shape, sql string, took time.Duration, rows int) *telemetry.Record {
	start := time.Now()
	r := &telemetry.Record{Start: start, Operation: "list", Table: "posts", Shape: shape, CallerKind: "user", Weight: 1}
	r.Add(sql, start, took, rows)
	return r
}

func newRecorder(t *testing.T) *Recorder {
	t.Helper()
	r, err := NewRecorder(filepath.Join(t.TempDir(), "queries.json"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecorderSumsByShape(t *testing.T) {
	r := newRecorder(t)
	r.Take(ran("list posts", "SELECT 1", 2*time.Millisecond, 10))
	r.Take(ran("list posts", "SELECT 1", 4*time.Millisecond, 30))
	r.Take(ran("list posts", "SELECT 2", time.Millisecond, 1))
	sampled := ran("list posts sort(n)", "SELECT 3", time.Second, 1)
	sampled.Weight = 10
	r.Take(sampled)
	failed := ran("list posts sort(n)", "SELECT 3", time.Second, 1)
	failed.Status = 500
	r.Take(failed)
	r.Take(&telemetry.Record{Operation: "list", Shape: "without statements"})
	got := r.Usage().Shapes
	want := []Shape{
		{
			Operation: "list", Table: "posts", Text: "list posts sort(n)", CallerKind: "user", Calls: 10, Took: 10 * time.Second, Longest: time.Second,
			Statements: []Statement{{SQL: "SELECT 3", Calls: 10, Took: 10 * time.Second, Rows: 10, Most: 1}},
		},
		{
			Operation: "list", Table: "posts", Text: "list posts", CallerKind: "user", Calls: 3, Took: 7 * time.Millisecond, Longest: 4 * time.Millisecond,
			Statements: []Statement{
				{SQL: "SELECT 1", Calls: 2, Took: 6 * time.Millisecond, Rows: 40, Most: 30},
				{SQL: "SELECT 2", Calls: 1, Took: time.Millisecond, Rows: 1, Most: 1},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the sums differ (-want +got):\n%s", diff)
	}
}

// A refused query ran no statement, but it counts: an index may make it possible.
func TestRecorderCountsRefusals(t *testing.T) {
	r := newRecorder(t)
	for _, shape := range []string{"list posts sort(a)", "list posts sort(b)", "list posts sort(b)"} {
		r.Take(&telemetry.Record{Start: time.Now(), Operation: "list", Table: "posts", Shape: shape, CallerKind: "user", Weight: 1, Status: 400, Limit: budget.LimitName})
	}
	want := []Refusal{{"list posts sort(b)", "user", 2}, {"list posts sort(a)", "user", 1}}
	if diff := cmp.Diff(want, r.Usage().Refusals()); diff != "" {
		t.Errorf("the refusals differ (-want +got):\n%s", diff)
	}
}

// A client that sends ever new filters neither fills the memory nor pushes out what takes long.
func TestExhaustion_RecorderIsBounded(t *testing.T) {
	r := newRecorder(t)
	r.sample.Share = 1
	r.Take(ran("slow", "SELECT 1", time.Hour, 1))
	for i := range 3 * maxShapes {
		r.Take(ran(fmt.Sprint("shape ", i), "SELECT 1", time.Millisecond, 1))
		r.Take(ran("slow", fmt.Sprint("SELECT ", i), time.Millisecond, 1))
	}
	r.Take(ran("slow", strings.Repeat("x", maxSQL+1), time.Millisecond, 1))
	r.Take(ran(strings.Repeat("x", maxText+1), "SELECT 1", time.Hour, 1))
	usage := r.Usage()
	if len(usage.Shapes) != maxShapes || usage.Forgotten == 0 {
		t.Errorf("%d shapes are kept and %d were forgotten", len(usage.Shapes), usage.Forgotten)
	}
	if slow := usage.Shapes[0]; slow.Text != "slow" || len(slow.Statements) != maxStatements {
		t.Errorf("the slowest shape is %q with %d statements", slow.Text, len(slow.Statements))
	}
}

func TestRecorderForgetsOldQueries(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r, err := NewRecorder(filepath.Join(t.TempDir(), "queries.json"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	r.sample.Share = 1
	for range 100 {
		r.Take(ran("often", "SELECT 1", time.Millisecond, 1))
	}
	r.Take(ran("once", "SELECT 1", time.Millisecond, 1))
	before := r.Usage()
	if len(before.Shapes) != 2 {
		t.Fatalf("%d shapes", len(before.Shapes))
	}
	for range 2 {
		now = r.Usage().Since.Add(maxSpan)
		r.Usage()
	}
	usage := r.Usage()
	if len(usage.Shapes) != 1 || usage.Shapes[0].Calls != 25 || usage.Span() >= maxSpan {
		t.Errorf("after two spans: %d shapes, %+v over %v", len(usage.Shapes), usage.Shapes[0], usage.Span())
	}
}

// The sums are in the file after a minute and at the end, and the next server goes on with them.
func TestRecorderKeepsItsSums(t *testing.T) {
	file := filepath.Join(t.TempDir(), "queries.json")
	synctest.Test(t, func(t *testing.T) {
		r, err := NewRecorder(file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		r.Take(ran("list posts", "SELECT 1", time.Millisecond, 1))
		time.Sleep(saveEvery + time.Second)
		synctest.Wait()
		if usage, err := ReadUsage(file); err != nil || len(usage.Shapes) != 1 {
			t.Errorf("after a minute the file has %+v, %v", usage, err)
		}
		r.Take(ran("list posts", "SELECT 1", time.Millisecond, 1))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		again, err := NewRecorder(file, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		again.Take(ran("list posts", "SELECT 1", time.Millisecond, 1))
		if usage := again.Usage(); len(usage.Shapes) != 1 || usage.Shapes[0].Calls != 3 || usage.Shapes[0].Statements[0].Calls != 3 {
			t.Errorf("the next server has %+v", usage.Shapes)
		}
	})
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
}

// A disk that takes no file is told once, and the sums go on.
func TestRecorderTellsAFullDiskOnce(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r, err := NewRecorder(filepath.Join(folder, "gone", "queries.json"), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		r.Take(ran("list posts", "SELECT 1", time.Millisecond, 1))
		if err := r.Run(t.Context()); err == nil {
			t.Error("a file that cannot be written is no error")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*saveEvery)
		defer cancel()
		start := time.Now()
		if err := r.Run(ctx); err == nil || time.Since(start) < 5*saveEvery {
			t.Errorf("Run told the same error again after %v: %v", time.Since(start), err)
		}
		if err := os.Mkdir(filepath.Join(folder, "gone"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if usage, err := ReadUsage(filepath.Join(folder, "gone", "queries.json")); err != nil || len(usage.Shapes) != 1 {
		t.Errorf("the file has %+v, %v", usage, err)
	}
}

// A damaged file is told, and the server records all the same.
func TestRecorderSurvivesADamagedFile(t *testing.T) {
	for _, text := range []string{"", "{", `{"ashlar_usage":99}`, "[]"} {
		file := filepath.Join(t.TempDir(), "queries.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := NewRecorder(file, time.Now)
		if err == nil {
			t.Errorf("a file of %q is no error", text)
		}
		r.Take(ran("list posts", "SELECT 1", time.Millisecond, 1))
		if n := len(r.Usage().Shapes); n != 1 {
			t.Errorf("after a file of %q, %d shapes are recorded", text, n)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for _, tt := range []struct {
		text string
		want query
	}{
		{"list posts", query{operation: "list", table: "posts"}},
		{"get posts fields(id,title) expand(author)", query{operation: "get", table: "posts", fields: "id,title", expand: "author"}},
		{
			"list posts filter(title.contains(arg.t) || (n in [1, 2])) sort(-id,n) total limit(7)",
			query{operation: "list", table: "posts", filter: "title.contains(arg.t) || (n in [1, 2])", sort: "-id,n", total: true, limit: 7},
		},
		{`list posts filter(title == ')' || title == "\")(") sort(id)`, query{operation: "list", table: "posts", filter: `title == ')' || title == "\")("`, sort: "id"}},
		{"list posts filter(title == ? && n in [?] && at > timestamp(?) && k > -?)", query{operation: "list", table: "posts", filter: "title == arg.value1 && n in [arg.value2] && at > arg.value3 && k > arg.value4"}},
		{"list posts filter(open ? n == ? : (n > ?))", query{operation: "list", table: "posts", filter: "open ? n == arg.value1 : (n > arg.value2)"}},
		{"list posts filter(title.contains(?))", query{operation: "list", table: "posts", filter: "title.contains(arg.value1)"}},
		{"list posts later(1) words", query{operation: "list", table: "posts"}},
	} {
		got, err := parseQuery(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("parseQuery(%q) = %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"list posts filter(", "list posts filter(title == ')", "list posts limit(0)", "list posts limit(x)", "list posts limit(501)"} {
		if _, err := parseQuery(text); !errors.Is(err, errText) {
			t.Errorf("parseQuery(%q) = %v, want an error", text, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("list posts filter(title.contains(arg.t)) sort(-id) total limit(7)")
	f.Add(`get posts filter('\')`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseQuery(text)
		if err == nil && (q.limit < 0 || len(q.filter) > len(text)) {
			t.Errorf("parseQuery(%q) = %+v", text, q)
		}
	})
}

// Of many quick queries of a second a share is summed, with its weight.
func TestRecorderSumsAShareOfManyQueries(t *testing.T) {
	r := newRecorder(t)
	const many = 20_000
	for range many {
		query := ran("list posts", "SELECT 1", time.Millisecond, 1)
		query.Join(telemetry.TraceContext{})
		r.Take(query)
	}
	calls := r.Usage().Shapes[0].Calls
	if calls == many || math.Abs(calls-many) > many/10 {
		t.Errorf("%d calls are summed as %v", many, calls)
	}
}
