package objective

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// restored returns an evaluator with the state of another one.
func restored(t *testing.T, e *Evaluator, now time.Time) *Evaluator {
	t.Helper()
	var objectives []Objective
	for _, w := range e.all {
		objectives = append(objectives, w.Objective)
	}
	other := NewEvaluator(objectives, now)
	if err := other.Restore(e.Encode()); err != nil {
		t.Fatal(err)
	}
	return other
}

func TestARestartChangesNothing(t *testing.T) {
	w := newWorld(t, 1, 50)
	w.skip(40*24*time.Hour, 1)
	w.run(time.Hour, 1, 0.5)
	if w.pages != 1 {
		t.Fatalf("%d pages", w.pages)
	}
	before := w.watch
	w.watch = restored(t, before, w.now)
	if diff := cmp.Diff(before.Statuses(w.now), w.watch.Statuses(w.now)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Firing(w.now), w.watch.Firing(w.now)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if again := w.watch.Encode(); !bytes.Equal(again, before.Encode()) {
		t.Errorf("the state of %d bytes became one of %d", len(before.Encode()), len(again))
	}
	w.run(time.Hour, 1, 0.5)
	if w.pages != 1 {
		t.Error("an alert fires again after a restart")
	}
}

func TestRestoreFollowsTheModel(t *testing.T) {
	w := newWorld(t, 1, 50)
	w.skip(24*time.Hour, 1)
	other := NewEvaluator([]Objective{{Name: "new", Kind: Fast, Target: 99}, {Name: "api", Kind: Available, Target: 95}}, w.now)
	if err := other.Restore(w.watch.Encode()); err != nil {
		t.Fatal(err)
	}
	got := other.Statuses(w.now)
	if got[0].Total != 0 || got[1].Total != w.watch.Statuses(w.now)[0].Total || got[1].Target != 95 {
		t.Errorf("statuses = %+v", got)
	}
	state := w.watch.Encode()
	for _, damaged := range [][]byte{nil, {9}, state[:len(state)/2], append(bytes.Clone(state), 1)} {
		if err := other.Restore(damaged); err == nil {
			t.Errorf("Restore of %d damaged bytes succeeds", len(damaged))
		}
	}
	if diff := cmp.Diff(got, other.Statuses(w.now)); diff != "" {
		t.Errorf("a damaged state changed something:\n%s", diff)
	}
}

func TestTheClockMayStep(t *testing.T) {
	w := newWorld(t, 1, 50)
	w.skip(24*time.Hour, 1)
	w.now = w.now.Add(90 * 24 * time.Hour)
	w.run(time.Minute, 1, 0)
	w.now = w.now.Add(-90 * 24 * time.Hour)
	w.run(2*time.Hour, 1, 0)
	w.run(10*time.Minute, 1, 1)
	if w.pages != 1 {
		t.Fatalf("%d pages after the clock went back, want 1", w.pages)
	}
	w.now = w.now.Add(-time.Hour)
	w.run(2*time.Hour, 1, 0)
	if w.watch.all[0].alerts[0].firing {
		t.Error("the page still fires")
	}
}

func TestNoPageInTheFirstMinutes(t *testing.T) {
	w := newWorld(t, 1, 50)
	w.run(4*time.Minute, 10, 1)
	if w.pages > 0 {
		t.Errorf("paged without a history")
	}
	w.run(2*time.Minute, 10, 1)
	if w.pages != 1 {
		t.Errorf("%d pages of a server that never worked, want 1", w.pages)
	}
}

func TestSummaries(t *testing.T) {
	api := Objective{Name: "api", Kind: Available, Target: 99.9}
	for _, tt := range []struct {
		alert Alert
		want  string
	}{
		{Alert{Objective: api, Firing: true, Bad: 63, Total: 120, Window: time.Hour}, "api: 63 of 120 requests failed in 1h, with an objective of 99.9 %"},
		{Alert{Objective: Objective{Name: "api", Kind: Fast, Target: 99, Below: 300 * time.Millisecond}, Firing: true, Bad: 6, Total: 20, Window: 20 * time.Minute},
			"api: 6 of 20 answers took more than 300ms in 20m, with an objective of 99 %"},
		{Alert{Objective: Objective{Name: ProbeName, Kind: Available, Target: 99.9}, Firing: true, Bad: 5, Total: 5, Window: 26 * time.Hour},
			"probe: 5 of 5 requests of the server to itself failed in 1d2h, with an objective of 99.9 %"},
		{Alert{Objective: api, Since: start, At: start.Add(80 * time.Minute)}, "api: over after 1h20m"},
	} {
		if got := tt.alert.Summary(); got != tt.want {
			t.Errorf("Summary = %q, want %q", got, tt.want)
		}
	}
}

func FuzzRestore(f *testing.F) {
	w := newWorld(&testing.T{}, 1, 50)
	w.skip(24*time.Hour, 0.01)
	f.Add(w.watch.Encode())
	f.Add([]byte{stateFormat, 0})
	f.Fuzz(func(t *testing.T, state []byte) {
		e := NewEvaluator([]Objective{{Name: "api", Kind: Available, Target: 99.9}}, start)
		if e.Restore(state) != nil {
			return
		}
		e.Evaluate(start)
		e.Statuses(start)
		if err := e.Restore(e.Encode()); err != nil {
			t.Errorf("what was restored cannot be stored: %v", err)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	w := newWorld(&testing.T{}, 1, 50)
	w.skip(24*time.Hour, 1)
	w.run(time.Hour, 1, 0.01)
	for b.Loop() {
		w.watch.Evaluate(w.now)
	}
}
