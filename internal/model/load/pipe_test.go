//go:build unix

package load

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLoadPipe shows that a pipe, which nobody writes to, is not waited for.
func TestLoadPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "ashlar.yaml"), 0o600); err != nil {
		t.Skip("no pipes here: ", err)
	}
	if _, faults := Dir(dir); !strings.Contains(faults.Error(), "no regular file") {
		t.Errorf("faults:\n%v", faults)
	}
}
