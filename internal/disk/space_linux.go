package disk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SpaceOf returns the space of a folder's file system.
func SpaceOf(folder string) (Space, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return Space{}, fmt.Errorf("the disk of %s: %w", folder, err)
	}
	block := uint64(fs.Bsize)
	return Space{Free: fs.Bavail * block, Total: fs.Blocks * block, Memory: fs.Type == unix.TMPFS_MAGIC}, nil
}
