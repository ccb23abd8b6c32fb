package cron

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

const inEmptyRoot = "ASHLAR_TEST_EMPTY_ROOT"

// TestZonesInEmptyRoot runs this test again in a folder with nothing but the program, as in a container made from scratch.
// A program has its zones there because it embeds them.
func TestZonesInEmptyRoot(t *testing.T) {
	if os.Getenv(inEmptyRoot) != "" {
		if _, err := os.Stat("/usr"); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("/usr: %v", err)
		}
		zone := mustZone(t, "Europe/Berlin")
		if name, _ := moment(t, "2027-07-01 00:00 +0000").In(zone).Zone(); name != "CEST" {
			t.Fatalf("the zone in July is %q", name)
		}
		return
	}
	root := t.TempDir()
	copyProgram(t, filepath.Join(root, "program"))
	cmd := exec.Command("/program", "-test.run=^TestZonesInEmptyRoot$", "-test.v")
	cmd.Path, cmd.Err, cmd.Dir, cmd.Env = "/program", nil, "/", []string{inEmptyRoot + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	output, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, os.ErrPermission):
		t.Skip("the kernel allows no other root folder to this user")
	case errors.Is(err, os.ErrNotExist):
		t.Skip("this program needs shared libraries: it was built with cgo")
	case err != nil:
		t.Fatalf("%v\n%s", err, output)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
}
