package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

const large = 20 << 20 // more than two steps

func makeLarge(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, large), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sizeOf(t *testing.T, file interface{ Stat() (fs.FileInfo, error) }) int64 {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A file that nobody can name any more gives its space back, though somebody still has it open.
func TestRemoveFreesALargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	makeLarge(t, path)
	open, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := disk.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
	if size := sizeOf(t, open); size != 0 {
		t.Errorf("the file without a name has %d bytes", size)
	}
	if err := disk.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of no file = %v", err)
	}
}

// Another name of the same file, and the file that a link leads to, keep their bytes.
func TestRemoveLeavesOtherNames(t *testing.T) {
	dir := t.TempDir()
	first, second, link := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "link")
	makeLarge(t, first)
	if err := errors.Join(os.Link(first, second), os.Symlink(second, link)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, remove := range []func() error{func() error { return disk.Remove(link) }, func() error { return disk.RemoveIn(root, "first") }} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(second)
		if err != nil || info.Size() != large {
			t.Errorf("the other name leads to %v, %v", info, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestRemoveAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.MkdirAll(filepath.Join(dir, "inner", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	makeLarge(t, filepath.Join(dir, "inner", "large"))
	for range 2 { // the second time it is not there
		if err := disk.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is there: %v", err)
		}
	}
}
