package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

func TestSpaceOfAFolder(t *testing.T) {
	space, err := disk.SpaceOf(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("SKIPPED: not on this system")
	}
	if err != nil || space.Total == 0 || space.Free > space.Total {
		t.Errorf("SpaceOf = %+v, %v", space, err)
	}
	if _, err := disk.SpaceOf(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("SpaceOf a missing folder succeeds")
	}
}

func TestSyncTimeLeavesTheFolderAsItIs(t *testing.T) {
	dir := t.TempDir()
	took, err := disk.SyncTime(dir, 3, time.Second)
	if err != nil || took <= 0 {
		t.Errorf("SyncTime = %v, %v", took, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if _, err := disk.SyncTime(filepath.Join(dir, "none"), 3, time.Second); err == nil {
		t.Error("SyncTime of a missing folder succeeds")
	}
}
