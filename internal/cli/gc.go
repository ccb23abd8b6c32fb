package cli

import (
	"os"
	"runtime/debug"
)

// tuneGC lets the heap grow to three times the live data between collections, instead of twice. The live data is small, so
// this costs about 10 MB under load and makes requests cheaper. A GOGC in the environment wins.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
