package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// findPrograms returns the folder of PostgreSQL's programs. As root on Debian it installs them where they are missing.
func findPrograms() (string, error) {
	if dir := installedPrograms(); dir != "" {
		return dir, nil
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "", errors.New("neither initdb on PATH nor /usr/lib/postgresql/*/bin/initdb")
	}
	if err := install(); err != nil {
		return "", err
	}
	if dir := installedPrograms(); dir != "" {
		return dir, nil
	}
	return "", errors.New("apt-get install postgresql went well, and there is no /usr/lib/postgresql/*/bin/initdb")
}

func installedPrograms() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(real), "postgres")); err == nil {
				return filepath.Dir(real)
			}
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found) // two digits each, so that the last is the newest
	return filepath.Dir(found[len(found)-1])
}

// install installs Debian's package. The tests of several packages may want it at once; dpkg knows no waiting by itself.
func install() error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("neither initdb nor apt-get")
	}
	unlock, err := lock(filepath.Join(os.TempDir(), "ashlar-install-postgresql.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if installedPrograms() != "" {
		return nil
	}
	fmt.Fprintln(os.Stderr, "*** installing PostgreSQL for the tests: apt-get install -y postgresql")
	_, _ = exec.Command(apt, "update", "-qq").CombinedOutput() // without a network the lists that are there may do
	cmd := exec.Command(apt, "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "postgresql")
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get install postgresql: %w\n%s", err, out)
	}
	return nil
}
