package sqlite

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// writeLockByte is the byte of the log's index whose lock lets one connection write (WALINDEX_LOCK_OFFSET of SQLite).
const writeLockByte = 120

// writeLocks finds the process that holds the lock for writes of a database, if it is not this one. The kernel lists all
// locks of files, so nothing is opened: closing the index would lose our own locks on it.
func writeLocks(path string) ([]store.Lock, error) {
	info, err := os.Stat(path + "-shm")
	if err != nil {
		return nil, err
	}
	index, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, nil
	}
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(list)) {
		if pid, ok := holderIn(line, index.Ino); ok && pid != os.Getpid() {
			return []store.Lock{{Holder: processName(pid), Key: fmt.Sprint(pid), Waiting: -1}}, nil
		}
	}
	return nil, nil
}

// holderIn returns the process that holds the lock for writes, according to a line such as
// "3: POSIX  ADVISORY  WRITE 4711 fd:01:1048602 120 120". A process of another container has the number 0 or -1.
func holderIn(line string, inode uint64) (pid int, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 8 || fields[1] == "->" || fields[3] != "WRITE" || !strings.HasSuffix(fields[5], fmt.Sprintf(":%d", inode)) {
		return 0, false
	}
	var first, last int
	if _, err := fmt.Sscan(fields[4], &pid); err != nil {
		return 0, false
	}
	if _, err := fmt.Sscan(fields[6], &first); err != nil {
		return 0, false
	}
	if _, err := fmt.Sscan(fields[7], &last); err != nil {
		return 0, false
	}
	return pid, first <= writeLockByte && writeLockByte <= last
}

// processName names a process for people.
func processName(pid int) string {
	if pid <= 0 {
		return "a process of another container"
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(name)), pid)
}
