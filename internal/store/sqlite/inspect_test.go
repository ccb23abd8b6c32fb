package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// SQLite writes nothing for some statements that change nothing.
func TestTryWriteReachesTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for range 3 {
		before := size()
		if err := db.TryWrite(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := size(); after <= before {
			t.Errorf("the log has %d bytes, and had %d", after, before)
		}
	}
}

func TestServerNamesTheHolderOfTheLock(t *testing.T) {
	dir := t.TempDir()
	if by, err := Server(dir); by != "" || err != nil {
		t.Errorf("Server of an empty folder = %q, %v", by, err)
	}
	if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil {
		t.Errorf("Server made %v, %v", entries, err)
	}
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if by, err := Server(dir); by == "" || err != nil {
		t.Errorf("Server of a locked folder = %q, %v", by, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if by, err := Server(dir); by != "" || err != nil {
		t.Errorf("Server of a released folder = %q, %v", by, err)
	}
}

// A data folder is often named by a relative path, and the URI of a file has none.
func TestInspectOpensRelativePaths(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.db")
	t.Chdir(dir)
	for _, served := range []bool{true, false} {
		db := openTest(t, path, Config{})
		if !served {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Inspect("app.db", served)
		if err != nil {
			t.Fatalf("served %v: %v", served, err)
		}
		if err := found.Close(); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	}
}
