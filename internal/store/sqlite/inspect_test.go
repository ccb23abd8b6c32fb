package sqlite

import (
	"path/filepath"
	"testing"
)

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
