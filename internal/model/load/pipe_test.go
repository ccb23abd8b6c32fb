//go:build unix

package load

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDirPipe refuses a pipe instead of waiting for a writer.
func TestDirPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "ashlar.yaml"), 0o600); err != nil {
		t.Skip("no pipes here: ", err)
	}
	if _, faults := Dir(dir); !strings.Contains(faults.Error(), "not a regular file") {
		t.Errorf("faults:\n%v", faults)
	}
}
