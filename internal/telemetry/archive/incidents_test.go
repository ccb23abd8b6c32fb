package archive

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

func TestIncidentsHaveNotesAndAState(t *testing.T) {
	r := openTest(t, Config{})
	ctx := t.Context()
	first := Incident{Opened: noon, State: "open", Source: "slo:api", Title: "api burns its budget", Details: `{"burn":14}`}
	id, err := r.PutIncident(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PutNote(ctx, id, Note{Author: "ada", Text: "looking"}); err != nil {
		t.Fatal(err)
	}
	first.ID, first.State, first.Closed = id, "closed", noon.Add(time.Hour)
	if same, err := r.PutIncident(ctx, first); err != nil || same != id {
		t.Fatalf("PutIncident = %d, %v", same, err)
	}
	second, err := r.PutIncident(ctx, Incident{Opened: noon.Add(2 * time.Hour), State: "open", Title: "by hand"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Incident(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	first.Notes = []Note{{At: noon, Author: "ada", Text: "looking"}}
	if diff := cmp.Diff(first, got); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		name     string
		from, to time.Duration
		want     []int64
	}{
		{"all", -time.Hour, 9 * time.Hour, []int64{second, id}},
		{"during the first", 30 * time.Minute, 40 * time.Minute, []int64{id}},
		{"between", 90 * time.Minute, 2 * time.Hour, nil},
		{"the second is still open", 50 * time.Hour, 60 * time.Hour, []int64{second}},
	} {
		list, err := r.Incidents(ctx, noon.Add(tt.from), noon.Add(tt.to), 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, in := range list {
			got = append(got, in.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if err := r.PutNote(ctx, 99, Note{Text: "x"}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("PutNote of an unknown incident = %v", err)
	}
	if _, err := r.PutIncident(ctx, Incident{ID: 99, Opened: noon}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("PutIncident of an unknown one = %v", err)
	}
	if _, err := r.Incident(ctx, 99); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Incident of an unknown one = %v", err)
	}
	if r.Stats().Problem != nil || r.log.String() != "" {
		t.Errorf("a wrong id counts as trouble with the file:\n%s", r.log)
	}
}

func TestTracesAreKept(t *testing.T) {
	r := openTest(t, Config{})
	one := Trace{ID: telemetry.TraceID{1}, Name: "GET /api/posts", Start: noon, Duration: time.Second, Failed: true, Body: []byte("spans")}
	two := Trace{ID: telemetry.TraceID{2}, Name: "POST /api/posts", Start: noon, Duration: time.Second, Body: []byte("others")}
	r.PutTrace(one)
	r.PutTrace(two)
	r.PutTrace(Trace{ID: telemetry.TraceID{3}, Body: make([]byte, maxTrace+1)})
	r.Flush()
	got, err := r.Trace(t.Context(), one.ID)
	if diff := cmp.Diff(one, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	list, err := r.Traces(t.Context(), noon, noon.Add(time.Minute), 10)
	if err != nil || len(list) != 2 || list[1].Name != one.Name || len(list[1].Body) != 0 {
		t.Errorf("Traces = %+v, %v", list, err)
	}
	if _, err := r.Trace(t.Context(), telemetry.TraceID{3}); errs.KindOf(err) != errs.NotFound || r.Dropped() != 1 {
		t.Errorf("a trace that is too large = %v, %d dropped", err, r.Dropped())
	}
}

func TestDeploysAreEvents(t *testing.T) {
	process := telemetry.Process{Node: "one", Build: "v1", Revision: "abc", Started: noon}
	first := openTest(t, Config{Process: process})
	path := first.path
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open := func(change func(*telemetry.Process)) *rig {
		process.Started = process.Started.Add(time.Minute)
		change(&process)
		return openAt(t, path, Config{Process: process})
	}
	for _, change := range []func(*telemetry.Process){
		func(*telemetry.Process) {},
		func(p *telemetry.Process) { p.Build = "v2" },
		func(p *telemetry.Process) { p.Build, p.Revision = "v3", "def" },
	} {
		if err := open(change).Close(); err != nil {
			t.Fatal(err)
		}
	}
	last := open(func(*telemetry.Process) {})
	var got []string
	events, err := last.Events(t.Context(), noon, noon.Add(time.Hour), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		got = append(got, e.Kind+": "+e.Text)
	}
	want := []string{
		"start: a server started: build v3, model def",
		"deploy: build v2 → v3, model abc → def",
		"deploy: build v1 → v2",
		"start: a server started: build v1, model abc",
		"start: a server started: build v1, model abc",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
