package sqlite

import (
	"path/filepath"
	"testing"

	lib "modernc.org/sqlite/lib"
)

// The bound is set before the first connection of the process, whatever opens it.
func TestSpillIsSetFirst(t *testing.T) {
	openTest(t, filepath.Join(t.TempDir(), "test.db"), Config{})
	if got := setSpill(); got != lib.SQLITE_OK {
		t.Errorf("SQLite refuses the bound of savepoints: %d", got)
	}
}
