package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/test/programs"
)

// findPrograms returns the folder of PostgreSQL's programs. As root on Debian it installs them if they are missing.
func findPrograms() (string, error) {
	if dir := installedPrograms(); dir != "" {
		return dir, nil
	}
	if err := programs.Install("postgresql", func() bool { return installedPrograms() != "" }); err != nil {
		return "", fmt.Errorf("neither initdb on PATH nor /usr/lib/postgresql/*/bin/initdb: %w", err)
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
	if err := programs.Install("pgbouncer", func() bool { return installedPooler() != "" }); err != nil {
		return "", fmt.Errorf("neither pgbouncer on PATH nor /usr/sbin/pgbouncer: %w", err)
	}
	return installedPooler(), nil
}

func installedPooler() string {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
