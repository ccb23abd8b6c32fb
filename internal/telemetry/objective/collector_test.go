package objective

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func operate() *model.Operate {
	o := model.DefaultOperate()
	o.SLOs = append(o.SLOs,
		model.SLO{Name: "checkout", Routes: []string{"POST /api/orders", "GET /api/orders/{id}", "POST /auth/sign-in"}, Available: 99.95},
		model.SLO{Name: "posts", Tables: []string{"posts"}, Available: 99})
	return o
}

// request returns the record of a good request.
func request(route, table, path string) telemetry.Record {
	method := "GET"
	if route != "" {
		method, _, _ = cut(route)
	}
	return telemetry.Record{Work: telemetry.WorkRequest, Method: method, Route: route, Table: table, Path: path, Status: 200, Duration: time.Millisecond, Caller: "user:1"}
}

func cut(route string) (method, path string, ok bool) {
	for i := range len(route) {
		if route[i] == ' ' {
			return route[:i], route[i+1:], true
		}
	}
	return route, "", false
}

func TestCollectorCounts(t *testing.T) {
	orders := request("POST /api/{table}", "orders", "/api/orders")
	for _, tt := range []struct {
		name   string
		record telemetry.Record
		edit   func(*telemetry.Record)
		want   string // good and bad of api/available, api/fast, checkout, posts and the probe
	}{
		{"good", orders, nil, "10 10 10 00 00"},
		{"another route of the table", request("GET /api/{table}", "orders", "/api/orders"), nil, "10 10 00 00 00"},
		{"a row", request("GET /api/{table}/{id}", "orders", "/api/orders/1"), nil, "10 10 10 00 00"},
		{"a table", request("DELETE /api/{table}/{id}", "posts", "/api/posts/1"), nil, "10 10 00 10 00"},
		{"a fixed route", request("POST /auth/sign-in", "", "/auth/sign-in"), nil, "10 10 10 00 00"},
		{"a page", request("GET /docs", "", "/docs"), nil, "00 00 00 00 00"},
		{"slow", orders, func(r *telemetry.Record) { r.Duration = time.Second }, "10 01 10 00 00"},
		{"failed", orders, func(r *telemetry.Record) { r.Status = 500 }, "01 00 01 00 00"},
		{"panicked after the answer began", orders, func(r *telemetry.Record) { r.Stack = "goroutine 1" }, "01 00 01 00 00"},
		{"internal error", orders, func(r *telemetry.Record) { r.Problem = errs.Internal }, "01 00 01 00 00"},
		{"the client's fault", orders, func(r *telemetry.Record) { r.Status = 422 }, "10 10 10 00 00"},
		{"gone at once", orders, func(r *telemetry.Record) { r.Status = 499 }, "00 00 00 00 00"},
		{"gone after a long wait", orders, func(r *telemetry.Record) { r.Status, r.Duration = 499, 10*time.Second }, "00 01 00 00 00"},
		{"gone, with an error", orders, func(r *telemetry.Record) { r.Status, r.Problem = 499, errs.Internal }, "00 00 00 00 00"},
		{"refused by admission", request("", "", "/api/orders"), func(r *telemetry.Record) { r.Method, r.Status = "POST", 503 }, "01 00 01 00 00"},
		{"another method refused", request("", "", "/api/orders"), func(r *telemetry.Record) { r.Status = 503 }, "01 00 00 00 00"},
		{"a row refused", request("", "", "/api/orders/7"), func(r *telemetry.Record) { r.Status = 503 }, "01 00 01 00 00"},
		{"a table refused", request("", "", "/api/posts/7"), func(r *telemetry.Record) { r.Status = 503 }, "01 00 00 01 00"},
		{"a fixed route refused", request("", "", "/auth/sign-in"), func(r *telemetry.Record) { r.Method, r.Status = "POST", 503 }, "01 00 01 00 00"},
		{"a probe", orders, func(r *telemetry.Record) { r.Work = telemetry.WorkProbe }, "00 00 00 00 10"},
		{"a probe that is refused", orders, func(r *telemetry.Record) { r.Work, r.Status = telemetry.WorkProbe, 404 }, "00 00 00 00 01"},
		{"a migration", orders, func(r *telemetry.Record) { r.Work = telemetry.WorkMigration }, "00 00 00 00 00"},
	} {
		c := NewCollector(operate())
		if tt.edit != nil {
			tt.edit(&tt.record)
		}
		c.Take(&tt.record)
		got := ""
		for i, counter := range c.counters {
			counts := counter.drain()
			if i > 0 {
				got += " "
			}
			got += string(rune('0'+counts.Good)) + string(rune('0'+counts.Bad))
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCollectorAllocatesNothing(t *testing.T) {
	c := NewCollector(operate())
	bad := request("POST /api/{table}", "orders", "/api/orders")
	bad.Status, bad.Caller, bad.Remote = 500, "anonymous", "10.0.0.1:4242"
	refused := request("", "", "/api/orders/5")
	refused.Status = 503
	if n := testing.AllocsPerRun(100, func() {
		c.Take(&bad)
		c.Take(&refused)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCountersKnowCallers(t *testing.T) {
	c := &counter{}
	from := func(caller string, bad bool) {
		r := telemetry.Record{Caller: caller, Remote: caller}
		c.count(bad, &r)
	}
	step := func(want Counts) {
		t.Helper()
		got := c.drain()
		if (got.Caller != 0) != (want.Caller != 0) {
			t.Errorf("caller = %d, want %d", got.Caller, want.Caller)
		}
		got.Caller = want.Caller
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	from("a", false)
	from("b", false)
	step(Counts{Good: 2})
	from("a", true)
	from("b", false)
	from("a", false)
	step(Counts{Good: 2, Bad: 1, Caller: 1, CallerEvents: 2})
	from("a", false)
	step(Counts{Good: 1, Caller: 1, CallerEvents: 1})
	from("b", true)
	step(Counts{Bad: 1, Many: true})
	from("c", true)
	from("c", true)
	step(Counts{Bad: 2, Caller: 1, CallerEvents: 2})
	for range forgetAfter {
		c.drain()
	}
	from("d", true)
	step(Counts{Bad: 1, Caller: 1, CallerEvents: 1})
	if same := callerHash(&telemetry.Record{Caller: "anonymous", Remote: "10.0.0.1:1"}); same != callerHash(&telemetry.Record{Caller: "anonymous", Remote: "10.0.0.1:2"}) {
		t.Error("two connections of one address are two callers")
	}
}

func TestServiceTellsOfAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "objectives")
		var mu sync.Mutex
		var events []string
		cfg := Config{File: file, Events: func(a Alert) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, a.Key()+" "+map[bool]string{true: "fires", false: "is over"}[a.Firing])
		}}
		s := NewService(operate(), cfg)
		run := func(length time.Duration, status int) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			for range int(length / time.Second) {
				for _, caller := range []string{"user:1", "user:2"} {
					r := request("GET /api/{table}", "posts", "/api/posts")
					r.Status, r.Caller = status, caller
					s.Take(&r)
				}
				time.Sleep(time.Second)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Run = %v", err)
			}
		}
		run(time.Hour, 200)
		if !s.Idle(0) || s.Idle(time.Minute) {
			t.Error("Idle does not know of the traffic")
		}
		run(90*time.Second, 500)
		s = NewService(operate(), cfg) // a restart
		run(2*time.Minute, 500)
		if len(s.Firing()) == 0 {
			t.Error("nothing fires")
		}
		run(time.Hour, 200)
		time.Sleep(time.Hour)
		if !s.Idle(time.Hour) {
			t.Error("an hour without requests is not idle")
		}
		want := []string{"api/available/page fires", "posts/available/page fires", "posts/available/page is over", "api/available/page is over"}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if left := s.Statuses()[0].BudgetLeft; left >= 1 {
			t.Errorf("%v of the budget is left", left)
		}
	})
}

func TestServiceStartsWithADamagedHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "objectives")
	if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewService(operate(), Config{File: file})
	s.save()
	if again := NewService(operate(), Config{File: file}); again.load() != nil {
		t.Errorf("the stored history cannot be read: %v", again.load())
	}
}

func BenchmarkTake(b *testing.B) {
	c := NewCollector(operate())
	r := request("GET /api/{table}/{id}", "orders", "/api/orders/1")
	for b.Loop() {
		c.Take(&r)
	}
}
