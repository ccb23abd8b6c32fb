//go:build unix

package netconn

import (
	"math"

	"golang.org/x/sys/unix"
)

// openFiles returns how many descriptors this process may have open. Go has raised the limit to the hard one.
func openFiles() (n uint64, ok bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return min(uint64(limit.Cur), math.MaxInt32), true
}
