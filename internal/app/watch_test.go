package app

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// TestTimelineHasWhatChangedBetweenServers: the second server of a data folder has another model and another setting.
func TestTimelineHasWhatChangedBetweenServers(t *testing.T) {
	dir := app(t, fullModel)
	cfg := Config{Data: filepath.Join(dir, "data"), Telemetry: AutoTelemetry, Profile: true, Version: "v7"}
	serve := func(cfg Config) {
		server, err := loadAndOpen(t.Context(), dir, cfg)
		if err != nil {
			t.Fatal(err)
		}
		run := start(t, server)
		if got := get(t, run.base+"/readyz"); got.status != 200 {
			t.Errorf("/readyz = %+v", got)
		}
		run.stop()
		if err := run.wait(); err != nil {
			t.Fatal(err)
		}
	}
	serve(cfg)
	changed := strings.ReplaceAll(fullModel, "body: {type: text}", "body: {type: text}, tag: {type: text, optional: true}")
	changed = strings.ReplaceAll(changed, "access: {read: true, write: true}", "access: {read: true, write: true}, cache: {public: 60s}")
	write(t, dir, strings.ReplaceAll(changed, "name: watched\n", "name: watched\nlimits: {address: false, caller: {rate: 50/1s}, query: {time: 2s}}\n"))
	cfg.Readers, cfg.Telemetry, cfg.Profile = 1, 500_000_000, false
	serve(cfg)
	again := opened(t, dir, cfg)
	list, err := again.Archive.Events(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ kind, part string }{
		{archive.EventMigration, "notes"},
		{archive.EventMigration, "tag"},
		{archive.EventSetting, "The setting --readers was changed from its default to 1."},
		{archive.EventSetting, "The setting --telemetry was changed from its default to 500MB."},
		{archive.EventSetting, "The setting --profile was changed from its default to off."},
		{archive.EventSetting, "The setting limits.address was changed from its default to off."},
		{archive.EventSetting, "The setting limits.caller was changed from its default to 50/1s per caller."},
		{archive.EventSetting, "The setting limits.query was changed from its default to 2s."},
		{archive.EventSetting, "The setting notes.cache was changed from its default to public 1m."},
		{archive.EventStop, "The server stops."},
		{archive.EventDeploy, "model"},
	} {
		if !slices.ContainsFunc(list, func(e archive.Event) bool { return e.Kind == want.kind && strings.Contains(e.Text, want.part) }) {
			t.Errorf("no event of kind %s has %q among %+v", want.kind, want.part, list)
		}
	}
}

const fullModel = `
-- ashlar.yaml --
ashlar: 1
name: watched
tables:
  notes: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
`
