package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// tasks is the app of the section about advice in docs/operating.md.
const tasks = `
-- tasks/ashlar.yaml --
ashlar: 1
name: tasks
tables:
  tasks:
    key: int
    fields:
      title: {type: text, max: 100}
      team:  {type: int}
      rank:  {type: int}
    access: {read: true}
`

// The example of docs/operating.md, with other figures.
func TestAdviceGuide(t *testing.T) {
	effort.SkipRaced(t)
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\nashlar (advise tasks)\n```\n\n```\n(.*?)```").FindStringSubmatch(string(page))
	if blocks == nil {
		t.Fatal("the page has no example of advise with its output")
	}
	dir := filepath.Join(writeApp(t, tasks), "tasks")
	if got := mustRun(t, "advise", dir); got != nothingRecorded {
		t.Errorf("before the first request, advise says\n%s", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "seed"), 0o755); err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&rows, `{"id": %d, "title": "task %d", "team": %d, "rank": %d}`+"\n", i+1, i, i*31%97, i*7919%10_007)
	}
	if err := os.WriteFile(filepath.Join(dir, "seed", "tasks.ndjson"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, dir, "--log-level", "error")
	for team := range 20 {
		getBody(t, http.DefaultClient, fmt.Sprintf("%s/api/tasks?filter=team%%20==%%20arg.t&arg.t=%d&sort=rank&limit=5", p.url, team))
	}
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(withoutFigures(blocks[2]), withoutFigures(strings.ReplaceAll(mustRun(t, "advise", dir), dir, "tasks"))); diff != "" {
		t.Errorf("advise says something else than the page (-page +advise):\n%s", diff)
	}

	var report struct {
		Add []struct {
			Table, Line string
			Gains       []struct {
				StepsBefore int64 `json:"steps_before"`
				StepsAfter  int64 `json:"steps_after"`
			}
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, "advise", dir, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Add) != 1 || report.Add[0].Line != "indexes: [[team, rank]]" || report.Add[0].Gains[0].StepsBefore < 2*report.Add[0].Gains[0].StepsAfter {
		t.Errorf("advise --json has %+v", report)
	}
}

// Advice that had no time promises nothing about the indexes that it did not try. A time that is none is refused.
func TestAdviceWithoutTime(t *testing.T) {
	dir := filepath.Join(writeApp(t, tasks), "tasks")
	p := startProcess(t, dir, "--log-level", "error")
	getBody(t, http.DefaultClient, p.url+"/api/tasks?filter=team%20==%201")
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, "advise", dir, "--time", "1ns"); strings.Contains(got, "No further index") || !strings.Contains(got, "The time was over") {
		t.Errorf("advise without time says\n%s", got)
	}
	for _, none := range []string{"0s", "-1s"} {
		if _, stderr, err := toEnd(t, 0, "advise", dir, "--time="+none); err == nil || !strings.Contains(stderr, "--time must be more than 0") {
			t.Errorf("--time=%s: %v %s", none, err, stderr)
		}
	}
}

var figures = regexp.MustCompile(`\d+[-\d:. ]*\d|\d`)

// withoutFigures replaces the figures of a text that differ from run to run. The place in the model stays.
func withoutFigures(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.Contains(line, "ashlar.yaml") {
			lines[i] = figures.ReplaceAllString(line, "N")
		}
	}
	return strings.Join(lines, "\n")
}
