package sqlite

import (
	"errors"
	"io"
	"os"
)

// copyFile copies a file for an Inspection. No connection of this process has the file open: its POSIX locks are not lost. So this
// stands in a file whose name begins with lock, like all that opens files.
func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
