package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSlowStatementIsLoggedOnceAMinuteWithItsPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		planned := 0
		slow := NewSlow(NewLogger(&out, "json", 0), 50*time.Millisecond, func(_ context.Context, sql string) (string, error) {
			planned++
			if sql == "SELECT broken" {
				return "", errors.New("gone")
			}
			return "SCAN posts", nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- slow.Run(ctx) }()
		take := func(sql string, took time.Duration) {
			r := &Record{ID: "R1", Start: time.Now(), Table: "posts", Operation: "list", Shape: "list posts", Trace: TraceID{15: 1}}
			r.Add("SELECT quick", r.Start, time.Millisecond, 1)
			r.Add(sql, r.Start, took, 3)
			r.Add(Commit, r.Start, time.Second, 0)
			slow.Take(r)
			synctest.Wait()
		}
		for range 3 {
			take("SELECT slow", 60*time.Millisecond)
			take("SELECT quick", 40*time.Millisecond)
		}
		take("SELECT broken", time.Second)
		time.Sleep(slowEvery)
		take("SELECT slow", 70*time.Millisecond)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		var got []map[string]any
		for line := range strings.Lines(out.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			delete(m, "time")
			got = append(got, m)
		}
		line := func(sql, plan string, took float64) map[string]any {
			return map[string]any{
				"level": "WARN", "msg": "slow statement", "sql": sql, "plan": plan, "took_ms": took, "rows": 3.0, "id": "R1",
				"trace": "00000000000000000000000000000001", "table": "posts", "operation": "list", "shape": "list posts",
			}
		}
		last := line("SELECT slow", "SCAN posts", 70)
		last["left_out"] = 2.0
		want := []map[string]any{line("SELECT slow", "SCAN posts", 60), line("SELECT broken", "no plan: gone", 1000), last}
		if diff := cmp.Diff(want, got); diff != "" || planned != 3 {
			t.Errorf("%d plans, lines (-want +got):\n%s", planned, diff)
		}
	})
}

// Nothing waits for the plans, and what is remembered is bounded.
func TestSlowStatementsNeverWait(t *testing.T) {
	slow := NewSlow(NewLogger(&strings.Builder{}, "json", 0), time.Millisecond, nil)
	for i := range 3 * maxSaid {
		r := &Record{Start: time.Now()}
		r.Add("SELECT "+strconv.Itoa(i), r.Start, time.Second, 0)
		slow.Take(r)
	}
	if len(slow.found) != maxFound || len(slow.said) > maxSaid {
		t.Errorf("%d statements wait, %d are remembered", len(slow.found), len(slow.said))
	}
}
