package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// states returns the incidents of the last days, the newest first.
func (w *world) states() (list []string) {
	w.t.Helper()
	all, err := w.List(w.t.Context(), noon.Add(-90*24*time.Hour), w.now.Add(time.Hour), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, in := range all {
		list = append(list, fmt.Sprintf("%d %s %s", in.ID, in.State, in.Source))
	}
	return list
}

// pass lets time pass, with looks in between.
func (w *world) pass(length time.Duration) {
	w.t.Helper()
	for end := w.now.Add(length); ; w.now = w.now.Add(time.Minute) {
		if err := w.look(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if !w.now.Before(end) {
			return
		}
	}
}

func (w *world) want(t *testing.T, states ...string) {
	t.Helper()
	if diff := cmp.Diff(states, w.states()); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
}

func TestAnAlertOpensOneIncident(t *testing.T) {
	w := newWorld(t)
	w.now = noon
	w.pass(time.Minute)
	w.want(t)
	w.alert(objective.Available)
	w.pass(5 * time.Minute)
	w.want(t, "1 open api")
	w.alert(objective.Fast) // of the same objective
	w.pass(5 * time.Minute)
	w.want(t, "1 open api")
	w.firing = nil
	w.pass(14 * time.Minute)
	w.want(t, "1 open api")
	w.alert(objective.Available) // before the incident is closed
	w.pass(2 * time.Minute)
	w.firing = nil
	over := w.now.Add(time.Minute)
	w.now = over
	w.pass(15 * time.Minute)
	w.want(t, "1 closed api")
	in, err := w.archive.Incident(t.Context(), 1)
	if err != nil || !in.Closed.Equal(over) || len(readState(in.Details).Alerts) != 3 || readState(in.Details).Analysis == nil {
		t.Errorf("Incident = %+v, %v, want it closed at %s", in, err, over)
	}
	w.alert(objective.Available)
	w.pass(time.Minute)
	w.want(t, "2 open api", "1 closed api")
}

// TestAnOldRestorePointOpensAnIncident has an alert that is about no request.
func TestAnOldRestorePointOpensAnIncident(t *testing.T) {
	w := newWorld(t)
	w.now = noon
	a := objective.Alert{
		Objective: objective.Objective{Name: "backup", Kind: objective.RestorePoint, Below: 25 * time.Hour},
		Severity:  objective.Ticket, Firing: true, Since: w.now, At: w.now,
	}
	w.firing = []objective.Alert{a}
	w.pass(5 * time.Minute)
	w.want(t, "1 open backup/ticket")
	report, err := w.Report(t.Context(), 1)
	if err != nil || !strings.Contains(string(report.Markdown()), "the newest restorable moment is 1d1h old") {
		t.Errorf("Report = %v, %v", report, err)
	}
	w.firing = nil
	w.pass(20 * time.Minute)
	w.want(t, "1 closed backup/ticket")
}

func TestAPageInTheDaysOfATicketIsAnotherIncident(t *testing.T) {
	w := newWorld(t)
	w.now = noon.Add(-24 * time.Hour)
	w.alert(objective.Available)
	w.firing[0].Severity = objective.Ticket
	w.pass(time.Minute)
	w.now = noon
	w.alert(objective.Available)
	w.pass(time.Minute)
	w.want(t, "2 open api", "1 open api/ticket")
}

func TestIncidentsOutliveARestart(t *testing.T) {
	w := newWorld(t)
	w.now = noon
	w.alert(objective.Available)
	w.pass(time.Minute)
	w.start("v2")
	w.pass(time.Minute)
	w.want(t, "1 open api")
	w.start("v3")
	w.firing = nil // the alert was over while no server ran
	w.pass(16 * time.Minute)
	w.want(t, "1 closed api")
}

func TestAnIncidentClosedByHandStaysClosed(t *testing.T) {
	w := newWorld(t)
	w.now = noon
	w.alert(objective.Available)
	w.pass(5 * time.Minute)
	if err := w.Close(t.Context(), 1, "ada"); err != nil {
		t.Fatal(err)
	}
	w.pass(30 * time.Minute)
	w.want(t, "1 closed api")
	if err := w.Close(t.Context(), 1, "ada"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("Close again = %v", err)
	}
	if err := w.Close(t.Context(), 9, "ada"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Close of an unknown one = %v", err)
	}
	if err := w.Note(t.Context(), 1, "bob", " it was the disk\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Note(t.Context(), 1, "bob", " "); errs.KindOf(err) != errs.Malformed {
		t.Errorf("an empty note = %v", err)
	}
	r, err := w.Report(t.Context(), 1)
	if err != nil || len(r.Incident.Notes) != 2 || r.Incident.Notes[1].Text != "it was the disk" || r.Incident.Notes[0].Text != "Closed by hand." {
		t.Errorf("Report = %+v, %v", r.Incident.Notes, err)
	}
}

func TestIncidentsAreOpenedByHand(t *testing.T) {
	w := newWorld(t)
	w.now = noon.Add(-70 * time.Minute)
	w.until(noon, 2, nil)
	w.until(noon.Add(10*time.Minute), 2, func(r *telemetry.Record) {
		if r.Key == "key4" {
			fail(r, errs.Internal, "no")
		}
	})
	w.until(noon.Add(20*time.Minute), 2, nil)
	for _, d := range []Draft{
		{},
		{Title: "  "},
		{Title: "x", From: w.now.Add(time.Minute)},
		{Title: "x", From: w.now, To: w.now.Add(-time.Minute)},
		{Title: "x", To: w.now},
	} {
		if id, err := w.Open(t.Context(), d); errs.KindOf(err) != errs.Malformed {
			t.Errorf("Open(%+v) = %d, %v", d, id, err)
		}
	}
	id, err := w.Open(t.Context(), Draft{Title: "uploads fail", From: noon, To: noon.Add(10 * time.Minute), Author: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	w.want(t, "1 closed ")
	r, err := w.Report(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r.names(t, 1, "key4")
	if !r.From.Equal(noon) || !r.To.Equal(noon.Add(10*time.Minute)) || r.Incident.Notes[0].Author != "ada" {
		t.Errorf("Report = %+v", r)
	}
	if id, err = w.Open(t.Context(), Draft{Title: "still open", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	w.pass(60 * time.Minute) // nothing but a person closes it
	w.want(t, "2 open ", "1 closed ")
	if err := w.Close(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
}

// Records are kept for days and incidents for a year. So a closed incident keeps its explanation.
func TestAClosedIncidentKeepsItsExplanation(t *testing.T) {
	w := newWorld(t)
	w.now = noon.Add(-70 * time.Minute)
	w.until(noon, 2, nil)
	bad := func(r *telemetry.Record) {
		if r.Key == "key4" {
			fail(r, errs.Internal, "no")
		}
	}
	w.until(noon.Add(3*time.Minute), 2, bad)
	w.losses = []objective.Loss{{Objective: w.alert(objective.Available).Objective, Bad: 60, Total: 900, Budget: 600}}
	w.until(noon.Add(10*time.Minute), 2, bad)
	w.pass(time.Minute)
	w.firing = nil
	w.pass(20 * time.Minute)
	w.want(t, "1 closed api")
	before, err := w.Report(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	w.losses = nil
	later := New(w.archive, w, Config{Now: func() time.Time { return noon.Add(100 * 24 * time.Hour) }})
	later.cfg.Operate.Logs.Slow = time.Hour // what it would find now is something else
	after, err := later.Report(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Causes, after.Causes, cmp.Comparer(sameFilter)); diff != "" || len(after.Causes) == 0 {
		t.Errorf("causes (-then +now):\n%s", diff)
	}
	if len(after.Lost) != 1 || after.Lost[0].Share() != 0.1 || after.Bad != before.Bad || len(after.Findings) != len(before.Findings) {
		t.Errorf("Report = %+v", after)
	}
}

func sameFilter(x, y archive.Filter) bool {
	return x.From.Equal(y.From) && x.To.Equal(y.To) && cmp.Equal(x.Where, y.Where) && x.Failed == y.Failed
}

func TestWithoutAnArchiveIncidentsWait(t *testing.T) {
	w := newWorld(t)
	w.now = noon
	w.alert(objective.Available)
	if err := w.archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.look(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("look = %v", err)
	}
	w.Service = nil
	w.start("v2")
	w.pass(time.Minute)
	w.want(t, "1 open api")
}

func TestDetailsFitTheArchive(t *testing.T) {
	long := strings.Repeat("<ö>", 100)
	a := &analysis{From: noon, To: noon, Chart: Chart{Bad: make([]float64, chartColumns), Total: make([]float64, chartColumns)}}
	for i := range maxCauses {
		a.Causes = append(a.Causes, Cause{Text: fmt.Sprint(i, long), Figure: long, Value: long, Logs: archive.Filter{Where: []archive.Condition{{Values: []string{long}}}}})
	}
	for range maxFindings {
		a.Findings = append(a.Findings, archive.Finding{Value: long})
	}
	st := state{Alerts: []Alert{{Key: "api/available/page"}}, Analysis: a}
	got := readState(st.text())
	if len(st.text()) > maxState || got.Analysis == nil || len(got.Analysis.Causes) < leastLines || got.Analysis.Causes[0].Text != a.Causes[0].Text {
		t.Errorf("%d bytes: %+v", len(st.text()), got)
	}
	if len(a.Causes) != maxCauses {
		t.Error("text changes the analysis")
	}
	for range 200 {
		st.Alerts = append(st.Alerts, Alert{Key: "api/available/page", Summary: long})
	}
	st.Analysis = nil
	if got := readState(st.text()); len(st.text()) > maxState || len(got.Alerts) < 10 {
		t.Errorf("%d alerts of %d", len(got.Alerts), len(st.Alerts))
	}
	for _, damaged := range []string{"", "{", "[]", `{"alerts":7}`} {
		if got := readState(damaged); len(got.Alerts) != 0 || got.Analysis != nil {
			t.Errorf("readState(%q) = %+v", damaged, got)
		}
	}
}
