package archive

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// TestEverythingAtOnce: records come, a person reads and writes, metrics are sampled, and the file is removed, all at once.
// Each record is written or counted as dropped.
func TestEverythingAtOnce(t *testing.T) {
	r := openTest(t, Config{Now: time.Now, Points: func() []telemetry.Point { return []telemetry.Point{{Series: "up", Value: 1}} }})
	ctx, cancel := context.WithCancel(t.Context())
	var running, working sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	const takers, each = 4, 500
	for range takers {
		working.Go(func() {
			for id := range each {
				r.Take(r.failing(id, "no"))
				if id%50 == 0 {
					r.PutEvent(Event{Kind: "x"})
				}
			}
		})
	}
	reads := []func() error{
		func() error { _, err := r.Records(ctx, Filter{Failed: true}, 0, 10); return err },
		func() error { _, err := r.Series(ctx, noon, noon.Add(time.Hour), time.Minute, "up"); return err },
		func() error { _, err := r.Errors(ctx, noon); return err },
		func() error { _, err := r.PutIncident(ctx, Incident{Opened: noon}); return err },
		func() error { r.Sample(); r.upkeep(); r.Stats(); return nil },
	}
	for _, read := range reads {
		working.Go(func() {
			for range 20 {
				_ = read() // the file may be gone just now
			}
		})
	}
	working.Go(func() {
		for range 3 {
			_ = os.Remove(r.path)
			r.Flush()
		}
	})
	working.Wait()
	cancel()
	running.Wait()
	stats := r.Stats()
	if got := stats.Written + stats.Dropped; got < takers*each || stats.Problem != nil {
		t.Errorf("%d records are written or dropped, want %d at least; problem %v", got, takers*each, stats.Problem)
	}
}
