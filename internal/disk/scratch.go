//go:build !linux

package disk

import "os"

func scratch(folder string) (file *os.File, remove func() error, err error) {
	if file, err = os.CreateTemp(folder, ".sync-test-*"); err != nil {
		return nil, nil, err
	}
	return file, func() error { return os.Remove(file.Name()) }, nil
}
