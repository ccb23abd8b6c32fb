package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// freedBytes are as many as free gives back at once.
const freedBytes = 8 << 20

// Remove removes a file. It gives the space of a large one back in steps, each with a sync: see free. It follows no link.
func Remove(path string) error { return remove(path, os.Lstat, os.OpenFile, os.Remove) }

// RemoveIn is Remove for a file in a root.
func RemoveIn(root *os.Root, name string) error {
	return remove(name, root.Lstat, root.OpenFile, root.Remove)
}

type (
	stat   = func(name string) (fs.FileInfo, error)
	open   = func(name string, flag int, mode fs.FileMode) (*os.File, error)
	unlink = func(name string) error
)

func remove(name string, stat stat, open open, unlink unlink) error {
	info, err := stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() <= freedBytes {
		return unlink(name)
	}
	file, err := open(name, os.O_WRONLY, 0)
	if err != nil { // only the owner of the folder may remove it
		return unlink(name)
	}
	if err = unlink(name); err == nil {
		err = free(file)
	}
	return errors.Join(err, file.Close())
}

// RemoveAll removes a folder with all that it holds, or a file, and large files in steps. A path that does not exist is no
// error.
func RemoveAll(path string) error {
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = Remove(name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(path))
}

// free gives back the space of an open file that has no name any more, a few megabytes at a time, each with a sync. On ext4
// a commit waits until the disk has discarded what was freed since the last one. With a gigabyte at once, the commits of a
// database beside it wait for 100 ms. A file that still has a name, as after a hard link, stays as it is.
func free(file *os.File) error {
	info, err := file.Stat()
	if err != nil || !nameless(info) {
		return err
	}
	for size := info.Size(); size > 0; {
		size = max(0, size-freedBytes)
		if err := file.Truncate(size); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return nil
}
