package incident

import (
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// BenchmarkReport explains an incident of 20 minutes, with 50 records a second kept of it and of the hour before.
func BenchmarkReport(b *testing.B) {
	w := newWorld(b)
	w.now = noon.Add(-70 * time.Minute)
	w.until(noon, 50, nil)
	w.event(archive.EventDisk, "The disk of the database is full.")
	w.until(noon.Add(20*time.Minute), 50, func(r *telemetry.Record) {
		if r.Operation == "create" {
			fail(r, errs.Unavailable, "database or disk is full")
		}
	})
	w.alert(objective.Available)
	if err := w.look(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w.recent = cached{}
		if _, err := w.Report(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
}
