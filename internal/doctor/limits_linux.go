package doctor

import (
	"math"

	"golang.org/x/sys/unix"
)

// openFiles returns how many files a process of this user may have open. Go raises the soft limit to the hard one.
func openFiles() (n uint64, ok bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return min(limit.Max, math.MaxInt32), true
}

// synchronized reports whether some program keeps the clock.
func synchronized() bool {
	var state unix.Timex
	status, err := unix.Adjtimex(&state)
	return err != nil || status != unix.TIME_ERROR
}
