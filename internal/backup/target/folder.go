package target

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

// folder is a folder of this machine, or one that it mounts. No name and no link leads out of it (os.Root).
type folder string

// unfinished begins the names of files that Put has not finished. No name of an object begins so.
const unfinished = ".unfinished-"

// unfinishedFor is how long an unfinished file is left alone: another process may be writing it.
const unfinishedFor = 24 * time.Hour

// String implements Target.
func (f folder) String() string { return "the folder " + string(f) }

// open opens the folder. Names with links or .. do not lead out of it.
func (f folder) open() (*os.Root, error) {
	root, err := os.OpenRoot(string(f))
	return root, f.explained(err)
}

func (f folder) explained(err error) error {
	if err == nil {
		return nil
	}
	if found, statErr := os.Stat(string(f)); statErr == nil && !found.IsDir() {
		return fmt.Errorf("%s is a file: name a folder for backups", string(f))
	}
	return err
}

// Put implements Target. The object gets its name after its bytes have reached the disk.
func (f folder) Put(ctx context.Context, name string, r io.Reader) (err error) {
	if err := checkName(name); err != nil {
		return err
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return f.explained(err)
	}
	root, err := f.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	dir := path.Dir(name)
	if err := root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary := path.Join(dir, unfinished+rand.Text())
	if err := write(ctx, root, temporary, r); err != nil {
		return errors.Join(err, remove(root, temporary))
	}
	if err := publish(root, temporary, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = exists(f, name, nil)
		}
		return errors.Join(err, remove(root, temporary))
	}
	return errors.Join(syncFolder(root, dir), syncFolder(root, "."))
}

// write writes a new file that only this user reads, and syncs it.
func write(ctx context.Context, root *os.Root, name string, r io.Reader) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(&disk.Steady{File: file}, whileOpen{ctx, r})
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// publish gives a file its name, unless the name is taken. Not every file system has hard links.
func publish(root *os.Root, from, to string) error {
	err := root.Link(from, to)
	switch {
	case err == nil:
		return root.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(err, fs.ErrExist)
	}
	return root.Rename(from, to)
}

func remove(root *os.Root, name string) error {
	if err := disk.RemoveIn(root, name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// whileOpen is a reader that ends with its context.
type whileOpen struct {
	ctx context.Context
	io.Reader
}

func (r whileOpen) Read(dst []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(dst)
}

// Get implements Target. It follows no link.
func (f folder) Get(ctx context.Context, name string) (_ io.ReadCloser, err error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	root, err := f.open()
	if err != nil {
		return nil, f.absent(name, err)
	}
	defer func() { err = errors.Join(err, root.Close()) }() // an open file stays open
	for _, part := range []string{path.Dir(name), name} {
		info, err := root.Lstat(part)
		if err != nil {
			return nil, f.absent(name, err)
		}
		if info.Mode()&fs.ModeSymlink != 0 || (part == name && !info.Mode().IsRegular()) {
			return nil, fmt.Errorf("%s in %s is a link or no file: a backup holds neither", part, f)
		}
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, f.absent(name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{whileOpen{ctx, file}, file}, nil
}

func (f folder) absent(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notFound(f, name, err)
	}
	return err
}

// List implements Target. It leaves out what is no object. It also removes unfinished files that are a day old.
func (f folder) List(ctx context.Context, prefix string) (all []Object, err error) {
	root, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.Contains(name, "/") || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) { // deleted a moment ago
			return nil
		}
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), unfinished) && time.Since(info.ModTime()) > unfinishedFor {
			return remove(root, name)
		}
		if checkName(name) == nil && strings.HasPrefix(name, prefix) {
			all = append(all, Object{Name: name, Size: info.Size(), Modified: info.ModTime()})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Object) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Delete implements Target. It removes the folder of the last object too.
func (f folder) Delete(_ context.Context, name string) (err error) {
	if err := checkName(name); err != nil {
		return err
	}
	root, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := remove(root, name); err != nil {
		return err
	}
	if dir := path.Dir(name); dir != "." {
		_ = root.Remove(dir) // fails while the folder holds more
	}
	return nil
}
