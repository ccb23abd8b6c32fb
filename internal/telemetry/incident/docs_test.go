package incident

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// TestThePageOfTheDocs makes the incident that docs/operating.md shows: a migration drops an index.
func TestThePageOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.now = noon.Add(-50 * time.Minute)
	w.until(noon.Add(-10*time.Second), 2, nil)
	w.event(archive.EventMigration, "Table posts: dropped the index on [team, rank].")
	w.until(noon, 2, nil)
	bad := func(r *telemetry.Record) {
		if r.Shape == "list posts 1" {
			r.Shape = "list posts filter(team == arg.t) sort(rank)"
			slow(r, 2*time.Second)
		}
	}
	w.until(noon.Add(4*time.Minute), 2, bad)
	alert := w.alert(objective.Fast)
	w.losses = []objective.Loss{{Objective: alert.Objective, Bad: 77, Total: 2278, Budget: 3850}}
	w.firing[0].Bad, w.firing[0].Total = 31, 6400
	w.event(archive.EventAlert, w.firing[0].Summary())
	w.until(noon.Add(13*time.Minute), 2, bad)
	w.pass(time.Minute)
	if err := w.Note(t.Context(), 1, "ada", "The index is back: it was removed with the team page."); err != nil {
		t.Fatal(err)
	}
	w.event(archive.EventMigration, "Table posts: made an index on [team, rank].")
	w.until(noon.Add(20*time.Minute), 2, nil)
	w.firing = nil
	w.pass(16 * time.Minute)
	r, err := w.Report(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Incidents\n")
	_, block, _ := strings.Cut(section, "```markdown\n")
	block, _, _ = strings.Cut(block, "```\n")
	if got := string(r.Markdown()); got != block {
		t.Errorf("the page shows another incident than\n%s", got)
	}
}
