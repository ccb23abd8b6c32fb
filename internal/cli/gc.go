package cli

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// tuneGC chooses GOGC by the size of the live heap until ctx ends. A GOGC in the environment wins.
//
// A small heap may grow to three times the live data between collections: that costs about 10 MB under load and makes requests
// cheaper. The same share of a large heap would be hundreds of megabytes: 10,000 streams have about 200 MB of live data.
func tuneGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := gcPercent(0)
	debug.SetGCPercent(percent)
	background.Go("garbage collection", func() error {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for ticks := time.Tick(gcPause); ; {
			select {
			case <-ctx.Done():
				return nil
			case <-ticks:
			}
			metrics.Read(live)
			if want := gcPercent(live[0].Value.Uint64()); want != percent {
				percent = want
				debug.SetGCPercent(percent)
			}
		}
	}, func(error) {})
}

// gcPause is the time between two looks at the heap. Setting GOGC stops the program for some microseconds.
const gcPause = 2 * time.Second

// gcPercent returns GOGC for a heap with so many live bytes after its last collection. At 50 a large heap had half of the room,
// but 10,000 connections had twice the p99: their requests help each collection.
func gcPercent(live uint64) int {
	if live < 64<<20 {
		return 200
	}
	return 100
}
