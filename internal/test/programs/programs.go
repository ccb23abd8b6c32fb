// Package programs installs the programs of others that tests need.
package programs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Install installs one of Debian's packages if this is root on Linux, unless there reports that it exists by now. The tests
// of several packages may want it at once, and dpkg does not wait.
func Install(name string, there func() bool) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("no " + name + ", and only root may install it")
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("neither " + name + " nor apt-get")
	}
	unlock, err := lock(filepath.Join(os.TempDir(), "ashlar-install.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if there() {
		return nil
	}
	fmt.Fprintln(os.Stderr, "*** installing for the tests: apt-get install -y "+name)
	_, _ = exec.Command(apt, "update", "-qq").CombinedOutput() // without a network the present lists may do
	cmd := exec.Command(apt, "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", name)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get install %s: %w\n%s", name, err, out)
	}
	if !there() {
		return fmt.Errorf("apt-get install %s went well, and its programs are not where they were expected", name)
	}
	return nil
}
