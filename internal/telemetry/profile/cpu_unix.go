//go:build unix

package profile

import (
	"time"

	"golang.org/x/sys/unix"
)

// ProcessTime returns the CPU time that the process has used since its start.
func ProcessTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
