package operation_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// noIncidents are the incidents of an app that had none.
type noIncidents struct{ operation.Incidents }

func (noIncidents) List(context.Context, time.Time, time.Time, int) ([]archive.Incident, error) {
	return nil, nil
}

// losses are what an incident took from a budget.
type losses struct{}

func (losses) Firing() []objective.Alert { return nil }

func (losses) Points() []objective.PointStatus { return nil }

func (losses) Losses(time.Time, time.Time) []objective.Loss {
	return []objective.Loss{{Objective: objective.Objective{Name: "api", Kind: objective.Available, Target: 99.9}, Bad: 10, Total: 220, Budget: 40}}
}

// withIncidents gives the console the incidents of the archive.
func (w *world) withIncidents() {
	w.incidents = incident.New(w.archive, losses{}, incident.Config{Operate: w.Model.Operate})
	w.serve(w.objectives)
}

// post sends a form, and returns where it leads.
func (v *visitor) post(path string, form url.Values) (status int, location string) {
	v.w.t.Helper()
	a := v.send("POST", path, strings.NewReader(form.Encode()))
	return a.Code, a.Header().Get("Location")
}

// minutesAgo writes a time for a form.
func minutesAgo(n int) string {
	return time.Now().Add(-time.Duration(n) * time.Minute).UTC().Format("2006-01-02T15:04:05")
}

// An operator opens an incident about what the archive has, reads its causes, takes a note, and closes it.
func TestIncidentFromItsBeginToItsEnd(t *testing.T) {
	w := newWorld(t, busy)
	w.run()
	w.withIncidents()
	v := w.operator("operator")
	status, path := v.post("/console/incidents", url.Values{"title": {"Slow <writes>"}, "from": {minutesAgo(16)}})
	if status != 303 || !strings.HasPrefix(path, "/console/incidents/") {
		t.Fatalf("the form = %d to %q", status, path)
	}
	body := v.get(path, 200, "The incident is open.", "Slow &lt;writes&gt;", "Likely causes", "key-hammer", "What the bad requests have in common", "25 %", "The incident begins.",
		"99.9 % answered without failing", "10 of 220", "Opened by hand.", "Op operator", `class="bars"`)
	causes, _, _ := strings.Cut(body, "<h2>Timeline")
	link := regexp.MustCompile(`<a href="(/console/logs\?[^"]+)" aria-label="Records of: [^"]*key-hammer`).FindStringSubmatch(causes)
	if link == nil {
		t.Fatalf("no cause leads to records:\n%.4000s", mainOf(causes))
	}
	if records := v.get(strings.ReplaceAll(link[1], "&amp;", "&"), 200, "key-hammer"); strings.Contains(records, "/console/logs/quick-") {
		t.Error("the link of a cause shows other records")
	}
	id, _, _ := strings.Cut(path, "?")
	v.get("/console/home", 200, `<a href="`+id+`">Slow &lt;writes&gt;</a>`)
	v.get("/console/incidents", 200, "Slow &lt;writes&gt;", "so far")
	if status, _ := v.post(id+"/notes", url.Values{"text": {"Asked the owner\nof the key."}}); status != 303 {
		t.Errorf("the note = %d", status)
	}
	a := v.send("GET", id+"/markdown", nil)
	if kind, name := a.Header().Get("Content-Type"), a.Header().Get("Content-Disposition"); kind != "text/markdown; charset=utf-8" || !strings.HasPrefix(name, `attachment; filename="incident-`) {
		t.Errorf("the file is %q %q", kind, name)
	}
	if status, _ := v.post(id+"/close", nil); status != 303 {
		t.Errorf("the close = %d", status)
	}
	v.get(id+"?done=incident-closed", 200, "The incident is closed.", "Asked the owner\nof the key.", "The incident ends.")
	if body := v.get("/console/incidents", 200, "closed"); strings.Contains(body, "so far") {
		t.Error("the closed incident goes on")
	}
	if body := v.get("/console/home", 200); strings.Contains(body, "Slow &lt;writes&gt;") {
		t.Error("the first page shows a closed incident")
	}
}

func TestIncidentsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.run()
	w.withIncidents()
	v := w.operator("operator")
	for _, tt := range []struct {
		form url.Values
		text string
	}{
		{url.Values{"title": {" "}}, "needs a title"},
		{url.Values{"title": {"x"}, "from": {"yesterday"}}, "Write a time in UTC"},
		{url.Values{"title": {"x"}, "from": {minutesAgo(5)}, "to": {minutesAgo(9)}}, "before its end"},
		{url.Values{"title": {"x"}, "from": {"2200-01-01"}}, "in the future"},
	} {
		a := v.send("POST", "/console/incidents", strings.NewReader(tt.form.Encode()))
		if a.Code != 422 || !strings.Contains(a.Body.String(), tt.text) || !strings.Contains(a.Body.String(), "<details open>") {
			t.Errorf("%v = %d, without %q", tt.form, a.Code, tt.text)
		}
	}
	for path, text := range map[string]string{
		"/console/incidents/1": "there is no incident 1", "/console/incidents/9/markdown": "there is no incident 9",
		"/console/incidents/x": "no such incident", "/console/incidents/-1": "no such incident",
	} {
		v.get(path, 404, text)
	}
	v.get("/console/incidents?range=1h", 400)
}

// A viewer reads incidents. Only an operator changes them.
func TestChangesOfIncidentsNeedAnOperator(t *testing.T) {
	w := newWorld(t)
	w.run()
	w.withIncidents()
	if status, _ := w.operator("operator").post("/console/incidents", url.Values{"title": {"Outage"}}); status != 303 {
		t.Fatal(status)
	}
	viewer := w.operator("viewer")
	for _, path := range []string{"/console/incidents", "/console/incidents/1"} {
		if body := mainOf(viewer.get(path, 200, "Outage")); strings.Contains(body, "<form") {
			t.Errorf("a viewer sees a form on %s", path)
		}
	}
	for _, path := range []string{"/console/incidents", "/console/incidents/1/notes", "/console/incidents/1/close"} {
		if status, _ := viewer.post(path, url.Values{"title": {"x"}, "text": {"x"}}); status != 403 {
			t.Errorf("POST %s by a viewer = %d", path, status)
		}
	}
}

// troubled is an incident with a text in all places.
type troubled struct {
	operation.Incidents
	text string
}

func (t troubled) incident() archive.Incident {
	return archive.Incident{
		ID: 7, Opened: time.Now().Add(-time.Hour), State: incident.Open, Title: "Outage " + t.text, Source: t.text,
		Notes: []archive.Note{{At: time.Now(), Author: t.text, Text: t.text}},
	}
}

func (t troubled) List(context.Context, time.Time, time.Time, int) ([]archive.Incident, error) {
	return []archive.Incident{t.incident()}, nil
}

func (t troubled) Report(context.Context, int64) (incident.Report, error) {
	now := time.Now()
	logs := archive.Filter{From: now.Add(-time.Hour), To: now, Failed: true, Under: []string{t.text}, Contains: t.text, Where: []archive.Condition{{Dimension: archive.Key, Values: []string{t.text}, Not: true}}}
	cause := incident.Cause{Rule: incident.Value, Text: t.text, Figure: t.text, Score: 0.8, At: now, Logs: logs}
	return incident.Report{
		Incident: t.incident(), From: now.Add(-time.Hour), To: now, Bad: 30, Total: 4000, Partial: true,
		Alerts:   []incident.Alert{{Severity: objective.Page, Summary: t.text, Since: now}},
		Causes:   []incident.Cause{cause, cause, cause, cause},
		Findings: []archive.Finding{{Dimension: archive.Route, Value: t.text, Share: 0.9, Usual: 0.1}},
		Lost:     []objective.Loss{{Objective: objective.Objective{Name: t.text, Kind: objective.Fast, Target: 99, Below: time.Second}, Bad: 90, Total: 4000, Budget: 30}},
		Chart:    incident.Chart{From: now.Add(-2 * time.Hour), Step: time.Minute, Bad: []float64{0, 0, 20, 10}, Total: []float64{500, 600, 400, 0}},
		Timeline: []archive.Event{{At: now.Add(-61 * time.Minute), Kind: t.text, Text: t.text, Node: t.text}},
	}, nil
}
