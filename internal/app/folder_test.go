package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestModes(t *testing.T) {
	dir := app(t, notes)
	opened(t, dir, Config{})
	data := DefaultData(dir)
	if mode := modeOf(t, data); mode != 0o700 {
		t.Errorf("the data folder has mode %04o", mode)
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, e := range entries {
		names += e.Name() + " "
		if mode := modeOf(t, filepath.Join(data, e.Name())); mode != 0o600 {
			t.Errorf("%s has mode %04o", e.Name(), mode)
		}
	}
	for _, name := range []string{databaseFile, keyFile, ignoreFile} {
		if !strings.Contains(names, name+" ") {
			t.Errorf("the data folder has no %s, but %s", name, names)
		}
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestOpenFolderIsClosed(t *testing.T) {
	dir := app(t, notes)
	server := opened(t, dir, Config{})
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(DefaultData(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	var logged log
	opened(t, dir, Config{Logger: logged.logger()})
	if mode := modeOf(t, DefaultData(dir)); mode != 0o700 {
		t.Errorf("the data folder has mode %04o", mode)
	}
	if line := logged.line(t, "open to other users"); line["mode"] != "0755" {
		t.Errorf("the log says %v", line)
	}
}

// A folder named by mistake, for example a home or a repository, keeps its permissions.
func TestFolderOfOthersIsLeftAlone(t *testing.T) {
	dir := app(t, notes)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := loadAndOpen(t.Context(), dir, Config{Data: dir})
	if err == nil || !strings.Contains(err.Error(), "name a folder of its own") {
		t.Errorf("Open = %v, want a refusal", err)
	}
	if mode := modeOf(t, dir); mode != 0o755 {
		t.Errorf("the folder has mode %04o now", mode)
	}
	if _, err := loadAndOpen(t.Context(), dir, Config{Data: filepath.Join(dir, "ashlar.yaml")}); err == nil {
		t.Error("Open accepted a file as the data folder")
	}
}

func TestEmptyFolderAndParents(t *testing.T) {
	dir := app(t, notes)
	data := filepath.Join(t.TempDir(), "var", "lib", "notes")
	opened(t, dir, Config{Data: data})
	untouched(t, dir)
	empty := t.TempDir()
	if err := os.Chmod(empty, 0o777); err != nil {
		t.Fatal(err)
	}
	opened(t, dir, Config{Data: empty})
	if mode := modeOf(t, empty); mode != 0o700 {
		t.Errorf("the folder has mode %04o", mode)
	}
}

func TestOpenKeyIsRefused(t *testing.T) {
	dir := app(t, notes)
	if err := opened(t, dir, Config{}).Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(DefaultData(dir), keyFile)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAndOpen(t.Context(), dir, Config{}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("Open = %v, want a refusal that says what to do", err)
	}
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	opened(t, dir, Config{}) // the refused one has left no lock
}

// Servers that start together on a database elsewhere share a data folder. One of them makes it.
func TestFolderMadeTogether(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "data")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := prepareFolder(path, slog.New(slog.DiscardHandler)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
