package token

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// keysOf returns a folder with keys, as a cluster mounts them: the group may read them.
func keysOf(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "signing-key.pem")
	if _, err := Open(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Rotate(path, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.pem", "signing-keys/*.pem"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if err := os.Chmod(path, 0o440); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

func TestImportGivesServersTheSameKeys(t *testing.T) {
	folder := keysOf(t)
	var servers []*Keys
	for range 2 {
		path := filepath.Join(t.TempDir(), "signing-key.pem")
		for range 2 { // the second start finds its keys
			if err := Import(folder, path); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, keys)
	}
	if len(servers[0].set.Load().keys) != 2 || servers[0].secret != servers[1].secret {
		t.Errorf("%d signing keys; the same secret key: %v", len(servers[0].set.Load().keys), servers[0].secret == servers[1].secret)
	}
	text, err := servers[0].Sign(caller.Identity{ID: "u"}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewVerifier(servers[1], Config{}).Verify(text); err != nil {
		t.Errorf("the second server refuses a token of the first: %v", err)
	}
}

func TestImportRefuses(t *testing.T) {
	own := filepath.Join(t.TempDir(), "signing-key.pem")
	if _, err := Open(own); err != nil {
		t.Fatal(err)
	}
	if err := Import(keysOf(t), own); err == nil || !strings.Contains(err.Error(), "is another one than") {
		t.Errorf("Import over other keys = %v", err)
	}
	if err := Import(t.TempDir(), own); err == nil || !strings.Contains(err.Error(), "has none: put signing-key.pem there") {
		t.Errorf("Import from an empty folder = %v", err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "signing-key.pem"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "signing-key.pem")
	if err := Import(damaged, fresh); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Import of a damaged key = %v", err)
	}
	if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused key was written: %v", err)
	}
}
