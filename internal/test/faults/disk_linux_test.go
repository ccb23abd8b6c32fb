package faults

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk returns a folder on a disk of its own, and what fills the disk. room makes room again.
func smallDisk(t *testing.T) (folder string, crowd func() (room func())) {
	folder = t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=32m,mode=0700"); err != nil {
		t.Skipf("SKIPPED: a full disk needs the right to mount a tmpfs (root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return folder, func() (room func()) {
		file, err := os.Create(filepath.Join(folder, "of-another-program"))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = file.Write(make([]byte, 4096))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		_ = file.Close()
		return func() { _ = os.Remove(file.Name()) }
	}
}
