package cron

import (
	"archive/zip"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A database is a source of time zones. The files of a Linux distribution may list changes until 2037. The files that Go
// embeds list only past ones, so package time computes the changes of today from a rule.
type database struct {
	name string
	load func(t *testing.T, name string) *time.Location
}

func databases(t *testing.T) []database {
	t.Helper()
	fromMachine := func(t *testing.T, name string) *time.Location { return mustZone(t, name) }
	return []database{{"machine", fromMachine}, {"embedded", embeddedZones(t)}}
}

// embeddedZones reads the archive from which package time/tzdata is made.
func embeddedZones(t *testing.T) func(t *testing.T, name string) *time.Location {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { archive.Close() })
	return func(t *testing.T, name string) *time.Location {
		t.Helper()
		file, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		data, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Fatal(err)
		}
		return zone
	}
}
