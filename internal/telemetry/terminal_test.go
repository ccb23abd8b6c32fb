package telemetry

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTerminalShowsWhatOneLooksForFirst(t *testing.T) {
	var out strings.Builder
	log := NewTerminalLogger(&out, false, slog.LevelInfo)
	fine := Record{Work: WorkRequest, ID: "R1", Method: "GET", Path: "/api/posts", Status: 200, Duration: 1234567, Table: "posts", Caller: "user:u1"}
	fine.Log(log)
	gone := fine
	gone.Status, gone.Problem, gone.Err, gone.Path, gone.Table = 404, "not_found", errors.New("there is no such row"), "/a\x1b[2J\u202eb", ""
	gone.Log(log)
	broken := fine
	broken.Status, broken.Problem, broken.Err, broken.Stack = 500, "internal", errors.New("disk\nfull"), "goroutine 1\n\tmain\x1b[0m"
	broken.Log(log)
	(&Record{Work: WorkMigration, Operation: "add", Duration: time.Second, Table: "posts"}).Log(log)
	log.With("node", "a b").WithGroup("g").Warn("a warning", "n", 1, slog.Group("h", "text", "x\ny"), "secret", Secret("hidden"))
	log.Debug("not shown")
	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d\d\d`).ReplaceAllString(out.String(), "TIME")
	want := `TIME 200 GET    /api/posts 1.23ms posts user:u1
TIME 404 GET    /a\x1b[2J\u202eb 1.23ms user:u1 kind=not_found error="there is no such row"
TIME 500 GET    /api/posts 1.23ms posts user:u1 kind=internal error="disk\nfull" id=R1
    goroutine 1
      main\x1b[0m
TIME INFO  migration id="" duration_ms=1000 caller="" table=posts operation=add
TIME WARN  a warning node="a b" g.n=1 g.h.text="x\ny" g.secret=REDACTED
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTerminalHasColoursOnlyIfAsked(t *testing.T) {
	for _, colour := range []bool{false, true} {
		var out strings.Builder
		log := NewTerminalLogger(&out, colour, slog.LevelInfo)
		for _, status := range []int{200, 302, 404, 500} {
			(&Record{Work: WorkRequest, Status: status, Table: "posts"}).Log(log)
		}
		log.Error("x")
		if got := strings.Count(out.String(), plain); (got > 0) != colour || strings.Count(out.String(), "\x1b") != 2*got {
			t.Errorf("with colour %t: %q", colour, out.String())
		}
	}
}

func TestLogLeavesOutOnlyHealthyAndQuickRequests(t *testing.T) {
	healthy := Record{Work: WorkRequest, Status: 200, Duration: time.Millisecond}
	for _, tt := range []struct {
		name string
		edit func(*Record)
		all  bool
	}{
		{"healthy", func(*Record) {}, false},
		{"slow", func(r *Record) { r.Duration = 60 * time.Millisecond }, true},
		{"the client's fault", func(r *Record) { r.Status, r.Problem = 422, "invalid" }, true},
		{"ours", func(r *Record) { r.Status, r.Problem = 500, "internal" }, true},
		{"a panic after the header", func(r *Record) { r.Stack = "x" }, true},
		{"limited", func(r *Record) { r.Limit = "reads" }, true},
	} {
		const n = 4000
		var out strings.Builder
		log := NewLogger(&out, "json", slog.LevelInfo)
		lines := Lines{Sample: 0.25, Slow: 50 * time.Millisecond}
		for range n {
			r := healthy
			tt.edit(&r)
			r.Join(TraceContext{})
			r.Weight = 1
			lines.Log(log, &r)
			if r.Weight != 1 {
				t.Fatalf("%s: the record has the weight of its line", tt.name)
			}
		}
		got, weighted := strings.Count(out.String(), "\n"), strings.Count(out.String(), `"weight":4`)
		all, share := got == n && weighted == 0, got > n/5 && got < n/3 && weighted == got
		if (tt.all && !all) || (!tt.all && !share) {
			t.Errorf("%s: %d of %d are logged, %d with a weight", tt.name, got, n, weighted)
		}
	}
	if w := (Lines{}).Weight(&healthy); w != 1 {
		t.Errorf("the zero value gives the weight %v", w)
	}
}
