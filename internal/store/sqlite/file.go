package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	lite "zombiezen.com/go/sqlite"
)

// prepareFile makes sure that path can be a database which only this user reads, on a file system that can hold one.
func prepareFile(path string, log *slog.Logger) error {
	if err := checkFileSystem(filepath.Dir(path), log); err != nil {
		return err
	}
	// The log and the index get the permissions of the database, so SQLite must not be the one that creates it. Nothing
	// else opens the file, and this only while the file does not exist: closing any descriptor of an existing database
	// drops every POSIX lock that SQLite holds on it in this process.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkExisting(path)
}

func checkExisting(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file: move it away, or name another data folder", path)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o600)
}

// describeOpenError names the file in an error of opening it, and says what to do if the file is no database or a broken
// one.
func describeOpenError(path string, err error) error {
	switch lite.ErrCode(err).ToPrimary() {
	case lite.ResultNotADB:
		return fmt.Errorf("%s is not a database, or was written by a newer SQLite: move it away, or name another data folder: %w", path, err)
	case lite.ResultCorrupt:
		return fmt.Errorf("%s is damaged: restore it from a backup (%w)", path, err)
	case lite.ResultCantOpen, lite.ResultReadOnly, lite.ResultPerm:
		return fmt.Errorf("%s, or its folder, cannot be written to: %w", path, err)
	case lite.ResultFull:
		return fmt.Errorf("there is no room for %s: make some on its disk, or name another data folder: %w", path, err)
	case lite.ResultIOErr:
		return fmt.Errorf("%s, or a file beside it, cannot be read or written: look whether its disk is full or broken: %w", path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

const (
	probeSuffix = "-probe"
	probeSize   = 1 << 20
)

// tryFile writes a file and removes it. Its bytes are random, because a file system may store zeros without using any room.
func tryFile(path string) (err error) {
	block := make([]byte, 64<<10)
	_, _ = rand.Read(block) // never fails
	_ = os.Remove(path)     // left by a process that was killed
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(path)) }()
	for written := 0; written < probeSize; written += len(block) {
		if _, err := file.Write(block); err != nil {
			return err
		}
	}
	return nil
}
