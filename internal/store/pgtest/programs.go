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

// findPrograms returns the folder of PostgreSQL's programs. As root on Debian it installs them if they are missing.
func findPrograms() (string, error) {
	if dir := installedPrograms(); dir != "" {
		return dir, nil
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "", errors.New("neither initdb on PATH nor /usr/lib/postgresql/*/bin/initdb")
	}
	if err := install("postgresql", func() bool { return installedPrograms() != "" }); err != nil {
		return "", err
	}
	return installedPrograms(), nil
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

// findPooler returns the path of pgbouncer. It looks for it and installs it in the same way.
func findPooler() (string, error) {
	if path := installedPooler(); path != "" {
		return path, nil
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return "", errors.New("neither pgbouncer on PATH nor /usr/sbin/pgbouncer")
	}
	err := install("pgbouncer", func() bool { return installedPooler() != "" })
	return installedPooler(), err
}

func installedPooler() string {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// install installs one of Debian's packages, unless there reports that it exists by now. The tests of several packages may
// want it at once, and dpkg does not wait.
func install(name string, there func() bool) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return errors.New("neither " + name + " nor apt-get")
	}
	unlock, err := lock(filepath.Join(os.TempDir(), "ashlar-install-postgresql.lock"))
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
