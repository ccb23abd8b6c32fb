package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, listed := to.List(t.Context(), "")
	for _, err := range []error{listed, to.Put(t.Context(), "a/b", strings.NewReader("x"))} {
		if want := file + " is a file: name a folder for backups"; err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
