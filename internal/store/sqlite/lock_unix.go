//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock makes this process the only server on the data folder dir, until release is called or the process ends. If another
// process is that server, the error names it.
func Lock(dir string) (release func() error, err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &InUseError{Dir: dir, By: holder(file)}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	signLock(file)
	return file.Close, nil // closing releases the lock; removing the file would race with the next process that locks it
}

// Server names the process that has the lock of a data folder, "" if no process has. It changes nothing.
func Server(dir string) (by string, err error) {
	file, err := os.Open(filepath.Join(dir, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB) // a server about to start tries again
	if errors.Is(err, unix.EWOULDBLOCK) {
		return holder(file), nil
	}
	return "", err
}

func holder(file *os.File) string {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d", pid)
}

// signLock writes into the lock file who has the lock, for messages. If the disk is full it writes nothing, and the lock
// holds all the same.
func signLock(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
}

func isNoSpace(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
