package incident

import (
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// TestTheCauseIsAmongTheFirstThreeLines seeds faults into traffic with much else, and looks at what the report names.
func TestTheCauseIsAmongTheFirstThreeLines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		kind  objective.Kind
		begin func(w *world)
		bad   func(w *world, r *telemetry.Record)
		words []string
	}{
		{"a bad build", objective.Available, func(w *world) { w.start("v2") }, func(w *world, r *telemetry.Record) {
			if r.Table == "files" {
				fail(r, errs.Internal, "nil map")
			}
		}, []string{"v1 → v2"}},
		{"a missing index", objective.Fast, nil, func(w *world, r *telemetry.Record) {
			if r.Shape == "list posts 1" {
				slow(r, 2*time.Second)
			}
		}, []string{"list posts 1"}},
		{"one key", objective.Available, nil, func(w *world, r *telemetry.Record) {
			if r.Key == "key4" {
				fail(r, errs.Internal, "no")
			}
		}, []string{"key4"}},
		{"the database is away", objective.Available, func(w *world) { w.event(archive.EventDatabase, "The database does not answer.") }, func(w *world, r *telemetry.Record) {
			fail(r, errs.Unavailable, "connection refused")
		}, []string{"does not answer"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.now = noon.Add(-70 * time.Minute)
			w.until(noon, 2, nil)
			if tt.begin != nil {
				tt.begin(w)
			}
			bad := func(r *telemetry.Record) { tt.bad(w, r) }
			w.until(noon.Add(3*time.Minute), 2, bad)
			w.alert(tt.kind)
			w.until(noon.Add(8*time.Minute), 2, bad)
			r := w.report()
			r.names(t, 3, tt.words...)
			r.log(t)
		})
	}
}
