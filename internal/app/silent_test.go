package app

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// An app that keeps no telemetry answers as any other, and its folder has no file about its requests.
func TestAppWithoutTelemetryKeepsNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	server := opened(t, app(t, notes), Config{Data: data, Telemetry: NoTelemetry})
	if res := get(t, start(t, server).base+"/api/notes"); res.status != http.StatusOK {
		t.Fatalf("%+v", res)
	}
	if server.Traces != nil || server.Archive != nil || server.advice != nil {
		t.Errorf("the app keeps telemetry: %v, %v, %v", server.Traces, server.Archive, server.advice)
	}
	for _, name := range []string{"telemetry.db", usageFile} {
		if _, err := os.Stat(filepath.Join(data, name)); err == nil {
			t.Errorf("the app has made %s", name)
		}
	}
}
