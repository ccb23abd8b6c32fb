package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// TestServerKeepsItsTelemetry: a request is in the telemetry database, also after the server stopped.
func TestServerKeepsItsTelemetry(t *testing.T) {
	dir := app(t, fullApp)
	cfg := Config{Data: filepath.Join(dir, "data"), Telemetry: AutoTelemetry, Version: "v7"}
	server, err := loadAndOpen(t.Context(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, server)
	header := wantStatus(t, run, "GET /api/notes", "", 200, "")
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	again := opened(t, dir, cfg)
	record, err := again.Archive.Record(t.Context(), header.Get("X-Request-Id"))
	if err != nil || record.Route != "GET /api/{table}" || record.Build != "v7" || len(record.Revision) != 12 {
		t.Errorf("Record = %+v, %v", record, err)
	}
}

// TestUnusableTelemetryStopsNothing: a folder stands where the telemetry database should be. The server answers all the same,
// and says once that it keeps no telemetry.
func TestUnusableTelemetryStopsNothing(t *testing.T) {
	dir := app(t, fullApp)
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(data, archive.FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	lines := new(log)
	server := opened(t, dir, Config{Data: data, Telemetry: AutoTelemetry, Logger: slog.New(slog.NewTextHandler(lines, nil))})
	run := start(t, server)
	for range 5 {
		wantStatus(t, run, "GET /api/notes", "", 200, "")
	}
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(lines.String(), "telemetry is not kept"); got != 1 {
		t.Errorf("the log says %d times that telemetry is not kept, want once:\n%s", got, lines)
	}
}

func TestRevisionFollowsTheModel(t *testing.T) {
	first := revisionOf(loaded(t, app(t, fullApp)).Rules.Model)
	if again := revisionOf(loaded(t, app(t, fullApp)).Rules.Model); again != first {
		t.Errorf("the same model has the revisions %s and %s", first, again)
	}
	changed := bytes.ReplaceAll([]byte(fullApp), []byte("body"), []byte("text"))
	if other := revisionOf(loaded(t, app(t, string(changed))).Rules.Model); other == first {
		t.Errorf("two models have the revision %s", first)
	}
}
