package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	kept "github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// The example of docs/operating.md, while a server has the telemetry database.
func TestIncidentsGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\nashlar (incidents tasks)\n```\n\n```\n(.*?)```").FindStringSubmatch(string(page))
	if blocks == nil {
		t.Fatal("the page has no example of incidents with its output")
	}
	dir := filepath.Join(writeApp(t, tasks), "tasks")
	if err := os.Mkdir(filepath.Join(dir, ".ashlar"), 0o700); err != nil {
		t.Fatal(err)
	}
	fails := func(code int, want string, args ...string) {
		t.Helper()
		var stderr strings.Builder
		if got := Run(append([]string{"incidents"}, args...), io.Discard, &stderr); got != code || !strings.Contains(stderr.String(), want) {
			t.Errorf("incidents %v = %d, %s; want %d, %q", args, got, stderr.String(), code, want)
		}
	}
	fails(exitFault, "serve the app first", dir)
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	server := kept.Open(filepath.Join(dir, ".ashlar", kept.FileName), kept.Config{Process: telemetry.Process{Started: noon}})
	t.Cleanup(func() { _ = server.Close() })
	if got := mustRun(t, "incidents", dir); !strings.Contains(got, "There is no incident.") {
		t.Errorf("without an incident: %s", got)
	}
	for _, in := range []kept.Incident{
		{Opened: noon.Add(-28 * time.Hour), Closed: noon.Add(-27 * time.Hour), State: "closed", Title: "exports were slow"},
		{Opened: noon.Add(4 * time.Minute), Closed: noon.Add(20 * time.Minute), State: "closed", Source: "api", Title: "api: 31 of 6400 answers took more than 300ms in 1h, with an objective of 99 %"},
	} {
		if _, err := server.PutIncident(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustRun(t, "incidents", dir); got != blocks[2] {
		t.Errorf("incidents prints\n%s, and the page shows\n%s", got, blocks[2])
	}
	if err := server.PutNote(t.Context(), 1, kept.Note{Author: "ada", Text: "It was the \x1b[31mindex."}); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, "incidents", dir, "1"); !strings.Contains(got, "# exports were slow\n") || !strings.Contains(got, "> It was the \\[31mindex.\n") {
		t.Errorf("incidents 1 prints\n%s", got)
	}
	fails(exitFault, "there is no incident 7", dir, "7")
	fails(exitUsage, "no number of an incident", dir, "first")
	fails(exitUsage, "no number of an incident", dir, "0")
	fails(exitUsage, "needs the folder")
	fails(exitUsage, "one folder", dir, "1", "2")
}
