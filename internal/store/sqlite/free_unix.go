//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// freeSpace returns the bytes that this user may still write on the disk of a folder, or -1.
func freeSpace(dir string) int64 {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return -1
	}
	return int64(uint64(disk.Bavail) * uint64(disk.Bsize))
}
