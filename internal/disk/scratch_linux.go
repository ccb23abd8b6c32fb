package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// scratch makes a file without a name, so the folder stays unchanged. Some file systems have no such files.
func scratch(folder string) (file *os.File, remove func() error, err error) {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), folder), func() error { return nil }, nil
	}
	if file, err = os.CreateTemp(folder, ".sync-test-*"); err != nil {
		return nil, nil, err
	}
	return file, func() error { return os.Remove(file.Name()) }, nil
}
