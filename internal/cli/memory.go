package cli

import (
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/ashlar-dev/ashlar/internal/cgroup"
)

// sqliteCaches is the memory that the page caches of SQLite may take: 8 MiB for each of up to six readers and the writer. It is
// outside of Go's heap.
const sqliteCaches = 7 * 8 << 20

// limitMemory sets the soft limit of Go's memory below the limit of the container, unless GOMEMLIMIT does. Without it the
// garbage collector lets the heap grow to two or three times its live data (tuneGC), and the kernel kills the server for garbage.
func limitMemory(root fs.FS, embedded bool, log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	container, found := cgroup.MemoryLimit(root)
	if !found {
		return
	}
	limit := softLimit(container, embedded)
	debug.SetMemoryLimit(limit)
	log.Info("the memory of the container is limited, so the garbage collector works harder below it: GOMEMLIMIT sets another limit", "container", container, "limit", limit)
}

// softLimit returns nine tenths of the memory of a container, less SQLite's caches. They take at most a quarter: in a small
// container they rarely fill, and a heap without room would be collected all the time.
func softLimit(container int64, embedded bool) int64 {
	limit := container / 10 * 9
	if embedded {
		limit -= min(sqliteCaches, container/4)
	}
	return limit
}
