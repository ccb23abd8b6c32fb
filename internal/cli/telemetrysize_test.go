package cli

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/app"
)

func TestTelemetrySize(t *testing.T) {
	for _, tt := range []struct {
		in    string
		bytes int64
		text  string
	}{
		{"auto", app.AutoTelemetry, "auto"}, {"off", app.NoTelemetry, "off"}, {"500MB", 500_000_000, "500MB"}, {"1.5 gb", 1_500_000_000, "1500MB"}, {"16MB", 16_000_000, "16MB"},
	} {
		var s telemetrySize
		if err := s.Set(tt.in); err != nil || s.bytes() != tt.bytes || s.String() != tt.text {
			t.Errorf("Set(%q) = %v: %d bytes, %s; want %d, %s", tt.in, err, s.bytes(), s.String(), tt.bytes, tt.text)
		}
	}
	for _, bad := range []string{"", "0", "15MB", "-1GB", "1", "GB", "1e99GB", "NaNMB", "1KB", "on"} {
		var s telemetrySize
		if err := s.Set(bad); err == nil {
			t.Errorf("Set(%q) is accepted", bad)
		}
	}
}
