package faults

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// lines is how many causes a person reads.
const lines = 3

// TestCauseIsAmongTheFirstLines seeds faults into running apps. The evaluator of the app opens an incident, or a person does
// where no request fails. By default only cheap faults are seeded; all of them with ASHLAR_NIGHTLY=1.
func TestCauseIsAmongTheFirstLines(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			if !f.cheap && !effort.Nightly() {
				t.Skip("it takes seconds: run it with ASHLAR_NIGHTLY=1")
			}
			r := f.seed(t)
			var text strings.Builder
			for i, cause := range r.Causes {
				fmt.Fprintf(&text, "%d. %.2f %s (%s)\n", i+1, cause.Score, cause.Text, cause.Figure)
			}
			t.Logf("%s\n%s", r.Incident.Title, &text)
			cause := regexp.MustCompile(f.cause)
			for _, one := range r.Causes[:min(lines, len(r.Causes))] {
				if cause.MatchString(one.Text) {
					return
				}
			}
			t.Errorf("no one of the first %d lines tells of %s", lines, f.cause)
		})
	}
}

// TestFailuresPageSomebodyAndOpenAnIncident: an app whose requests answer 500 sends a page to its webhook, and opens an incident.
func TestFailuresPageSomebodyAndOpenAnIncident(t *testing.T) {
	w := newWorld(t, shop, app.Config{}, nil, shopping)
	w.sqlite(`ALTER TABLE carts RENAME TO carts_elsewhere`)
	r := w.incident(func() { shopping(w) })
	select {
	case kind := <-w.pages:
		if kind != "alert.firing" {
			t.Errorf("the webhook got %q", kind)
		}
	case <-time.After(patience):
		t.Error("the webhook got nothing")
	}
	if r.Bad == 0 || len(r.Alerts) == 0 || r.Alerts[0].Severity != "page" || !strings.Contains(r.Incident.Title, "api") || r.Incident.State != "open" {
		t.Errorf("the incident is %+v", r)
	}
}

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}
