package disk

import (
	"errors"
	"os"
	"runtime"
)

// SyncFolder syncs a folder, so that a new name in it survives a power cut.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
