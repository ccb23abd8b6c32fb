//go:build linux || darwin

package sqlite

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("Lock() of a locked folder = %v, want the process that holds it", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = Lock(dir)
	if err != nil {
		t.Fatalf("Lock() after release = %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir + "/missing"); err == nil {
		t.Error("Lock() of a folder that is not there succeeds")
	}
}

// TestLockOfADeadProcess: the lock ends with its process, even if that is killed.
func TestLockOfADeadProcess(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, "lock", dir)
	c.line(t)
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", c.cmd.Process.Pid)) {
		t.Errorf("Lock() = %v, want the child's process %d", err, c.cmd.Process.Pid)
	}
	c.kill(t)
	release, err := Lock(dir)
	if err != nil {
		t.Fatalf("Lock() after its holder was killed = %v", err)
	}
	_ = release()
}
