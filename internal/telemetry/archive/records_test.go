package archive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	r := openTest(t, Config{})
	r.Take(&telemetry.Record{
		Work: telemetry.WorkRequest, ID: "A", ClientID: "mine", Start: noon, Duration: 1500 * time.Millisecond, Weight: 1,
		Trace: telemetry.TraceID{1, 2}, Span: telemetry.SpanID{3}, Parent: telemetry.SpanID{4},
		Method: "POST", Path: "/api/posts", Route: "POST /api/posts", Status: 500, Remote: "[2001:db8::1]:443", Bytes: 12, Received: 34, Limit: "writes", Job: "mail",
		Caller: "user:7", CallerKind: "user", Key: "key9", Table: "posts", Operation: "create", Shape: "create posts", Queue: 2 * time.Millisecond,
		Encode: 3 * time.Microsecond, Cache: "miss", Statements: telemetry.Statements{Count: 4, Took: 5 * time.Millisecond}, Rows: 6,
		Problem: errs.Internal, Err: errors.New("no such column: ü"), Stack: "goroutine 1",
	})
	r.Flush()
	got := r.all(t, Filter{})
	want := []Record{{
		Cursor: keyAt(noon.Add(1500 * time.Millisecond)), End: noon.Add(1500 * time.Millisecond), Failed: true, Slow: true, Weight: 1,
		Work: "request", ID: "A", ClientID: "mine", Trace: telemetry.TraceID{1, 2}, Span: telemetry.SpanID{3}, Parent: telemetry.SpanID{4},
		Method: "POST", Path: "/api/posts", Route: "POST /api/posts", Status: 500, Remote: "2001:db8::1", Bytes: 12, Received: 34, Limit: "writes", Job: "mail",
		Caller: "user:7", Kind: "user", Key: "key9", Table: "posts", Operation: "create", Shape: "create posts", Queue: 2 * time.Millisecond,
		Encode: 3 * time.Microsecond, Cache: "miss", Statements: 4, StatementTime: 5 * time.Millisecond, Rows: 6,
		Problem: "internal", Error: "no such column: ü", Stack: "goroutine 1", Duration: 1500 * time.Millisecond,
		Node: "one", Build: "v1", Revision: "abc",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if start := got[0].Start(); !start.Equal(noon) {
		t.Errorf("Start = %v, want %v", start, noon)
	}
}

func TestTheErrorOfAMalformedRequestIsNotKept(t *testing.T) {
	r := openTest(t, Config{Slow: time.Nanosecond})
	record := r.request(1)
	record.Problem, record.Err = errs.Malformed, errors.New("the client said hunter2")
	r.Take(record)
	r.Flush()
	if got := r.all(t, Filter{}); len(got) != 1 || got[0].Error != "" {
		t.Errorf("the error is %q, want none", got[0].Error)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	r := openTest(t, Config{})
	record := r.failing(1, strings.Repeat("é", 10_000))
	record.Path, record.Stack = strings.Repeat("ü", 10_000), strings.Repeat("x", 100_000)
	r.Take(record)
	r.Flush()
	got := r.all(t, Filter{})
	if len(got) != 1 || len(got[0].Path) > maxText || len(got[0].Error) > maxError || len(got[0].Stack) > maxStack {
		t.Errorf("texts of %d, %d and %d bytes are kept", len(got[0].Path), len(got[0].Error), len(got[0].Stack))
	}
}

func TestHost(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"192.0.2.7:4711", "192.0.2.7"}, {"[2001:db8::1]:443", "2001:db8::1"}, {"192.0.2.7", "192.0.2.7"}, {"@", "@"}, {"", ""}, {"x:", "x"},
	} {
		if got := host(tt.in); got != tt.want {
			t.Errorf("host(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHealthyRecordsAreSampledWithWeight(t *testing.T) {
	effort.SkipRaced(t)
	const healthy, bad = 20_000, 300
	r := openTest(t, Config{})
	for id := range healthy {
		r.Take(r.request(id))
		if id%5000 == 0 {
			r.Flush()
		}
	}
	for id := range bad {
		r.Take(r.failing(id, "no"))
		slow := r.request(id)
		slow.Duration = time.Second
		r.Take(slow)
	}
	r.Flush()
	var sum float64
	var free, failed, slow int
	for _, record := range r.all(t, Filter{}) {
		switch {
		case record.Failed:
			failed++
		case record.Slow:
			slow++
		default:
			sum += record.Weight
			if record.Weight == 1 {
				free++
			}
		}
	}
	if failed != bad || slow != bad || free != freely {
		t.Errorf("%d failed, %d slow and %d records of weight 1 are kept, want %d, %d and %d", failed, slow, free, bad, bad, freely)
	}
	if math.Abs(sum-healthy) > healthy/10 { // six standard deviations are 5,100·0.35
		t.Errorf("the weights of healthy records add up to %v, want about %d", sum, healthy)
	}
	if r.Dropped() != 0 {
		t.Errorf("%d records were dropped", r.Dropped())
	}
}

func TestFilters(t *testing.T) {
	r := openTest(t, Config{})
	for id, change := range []func(*telemetry.Record){
		func(*telemetry.Record) {},
		func(r *telemetry.Record) { r.Table, r.Key = "users", "k1" },
		func(r *telemetry.Record) { r.Status, r.Problem = 404, errs.NotFound },
		func(r *telemetry.Record) { r.Duration = 900 * time.Millisecond },
		func(r *telemetry.Record) { r.Status, r.Problem, r.Err = 500, errs.Internal, errors.New("broken pipe") },
		func(r *telemetry.Record) { r.Trace = telemetry.TraceID{0xab} },
	} {
		r.clock.pass(time.Second)
		record := r.request(id)
		change(record)
		record.Start = r.clock.Now().Add(-record.Duration)
		r.Take(record)
	}
	r.Flush()
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	for _, tt := range []struct {
		name   string
		filter Filter
		want   string // numbers of the records
	}{
		{"all", Filter{}, "5 4 3 2 1 0"},
		{"time", Filter{From: at(2), To: at(4)}, "2 1"},
		{"equal", Filter{Where: []Condition{{Dimension: Table, Values: []string{"users"}}}}, "1"},
		{"one of", Filter{Where: []Condition{{Dimension: Status, Values: []string{"404", "500"}}}}, "4 2"},
		{"not", Filter{Where: []Condition{{Dimension: Status, Values: []string{"200"}, Not: true}}}, "4 2"},
		{"both", Filter{Where: []Condition{{Dimension: Table, Values: []string{"posts"}}, {Dimension: Problem, Values: []string{"", "internal"}}}}, "5 4 3 0"},
		{"without", Filter{Where: []Condition{{Dimension: Key, Values: []string{""}}}}, "5 4 3 2 0"},
		{"process", Filter{Where: []Condition{{Dimension: Build, Values: []string{"v1"}}, {Dimension: Node, Values: []string{"two"}}}}, ""},
		{"slow", Filter{MinDuration: 500 * time.Millisecond}, "3"},
		{"quick", Filter{MaxDuration: 500 * time.Millisecond, From: at(4)}, "5 4"},
		{"failed", Filter{Failed: true}, "4"},
		{"kept", Filter{Kept: true}, "4 3"},
		{"id", Filter{ID: "R00000002"}, "2"},
		{"trace", Filter{Trace: "ab" + strings.Repeat("0", 30)}, "5"},
		{"contains", Filter{Contains: "pipe"}, "4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, id := range ids(r.all(t, tt.filter)) {
				got = append(got, strings.TrimLeft(id[:len(id)-1], "R0")+id[len(id)-1:])
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("records %q, want %q", text, tt.want)
			}
		})
	}
	for _, bad := range []Filter{{Trace: "x"}, {Where: []Condition{{Dimension: "colour"}}}} {
		if _, err := r.Records(t.Context(), bad, 0, 1); errs.KindOf(err) != errs.Malformed {
			t.Errorf("Records(%+v) = %v, want that it is malformed", bad, err)
		}
	}
}

func TestPagesHaveEachRecordOnce(t *testing.T) {
	r := openTest(t, Config{Slow: time.Nanosecond})
	var want []string
	for id := range 50 { // all in the same microsecond
		r.Take(r.request(id))
		want = append([]string{fmt.Sprintf("R%08d", id)}, want...)
	}
	r.Flush()
	var got []string
	for before := int64(0); ; {
		page, err := r.Records(t.Context(), Filter{}, before, 7)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page.Records)...)
		if before = page.Next; before == 0 {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	record, err := r.Record(t.Context(), "R00000033")
	if err != nil || record.ID != "R00000033" {
		t.Errorf("Record = %v, %v", record.ID, err)
	}
	if _, err := r.Record(t.Context(), "R99"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Record of an unknown id = %v", err)
	}
}

// A request that ended earlier may reach the queue later. A reader that follows the log by its cursor must see it.
func TestLateRecordsGetLaterCursors(t *testing.T) {
	r := openTest(t, Config{Slow: time.Nanosecond})
	r.Take(r.request(1))
	r.Flush()
	newest := r.all(t, Filter{})[0].Cursor
	late := r.request(2)
	late.Start = late.Start.Add(-100 * time.Millisecond)
	r.Take(late)
	r.Flush()
	if got := r.all(t, Filter{}); len(got) != 2 || got[0].ID != "R00000002" || got[0].Cursor <= newest {
		t.Errorf("the newest record is %v", got[0])
	}
	r.clock.pass(-time.Hour) // the clock was set back
	r.Take(r.request(3))
	r.Flush()
	if got := r.all(t, Filter{To: noon.Add(-time.Minute)}); len(got) != 1 || got[0].ID != "R00000003" {
		t.Errorf("an hour earlier there are %v", ids(got))
	}
}

func TestRunWritesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := func() []telemetry.Point { return []telemetry.Point{{Series: "up", Value: 1}} }
		r := openTest(t, Config{Now: time.Now, Points: points})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		r.Take(&telemetry.Record{ID: "A", Start: time.Now(), Duration: time.Second})
		time.Sleep(gather + time.Millisecond)
		synctest.Wait()
		if got := r.Stats().Written; got != 1 {
			t.Errorf("%d records are written after %v, want 1", got, gather)
		}
		time.Sleep(2 * time.Minute)
		r.Take(&telemetry.Record{ID: "B", Start: time.Now(), Duration: time.Second})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := r.Stats(); got.Written != 2 || got.Dropped != 0 || got.Problem != nil {
			t.Errorf("Stats = %+v after the end, want two records written", got)
		}
		lines, err := r.Series(t.Context(), time.Now().Add(-2*time.Minute), time.Now(), tickStep, "up")
		if err != nil || len(lines) != 1 || len(lines[0].Values) < 7 {
			t.Errorf("Series = %+v, %v, want a value each 15 seconds", lines, err)
		}
	})
}
