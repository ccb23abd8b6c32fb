// Package disk knows the disk of a folder: its room, its speed, and how to use it so that a database beside does not wait.
package disk

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Space is the space of a file system, in bytes.
type Space struct {
	Free   uint64 // for this user
	Total  uint64
	Memory bool // the file system is in memory
}

// syncBytes is the size of a write in a test: a page of SQLite's log.
const syncBytes = 4096

// SyncTime measures the time that the disk of a folder takes to keep a page. It is the median of at most n writes with fsync,
// within about a given time. The file has no name, or SyncTime removes it.
func SyncTime(folder string, n int, within time.Duration) (_ time.Duration, err error) {
	file, remove, err := scratch(folder)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), remove()) }()
	page := make([]byte, syncBytes)
	var times []time.Duration
	for begin := time.Now(); len(times) < n && (len(times) == 0 || time.Since(begin) < within); {
		start := time.Now()
		if _, err := file.Write(page); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// SizeText returns a number of bytes for people.
func SizeText(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
