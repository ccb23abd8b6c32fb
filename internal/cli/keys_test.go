package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two servers with the same folder of keys take each other's tokens, whatever their data folders held before.
func TestKeysComeFromAFolder(t *testing.T) {
	keys := t.TempDir()
	if out, code := command(t, "token", "--id", "018f0000-0000-7000-8000-0000000000d1", "--data", keys, writeApp(t, ledger)); code != 0 {
		t.Fatalf("no keys were made:\n%s", out)
	}
	want, err := os.ReadFile(filepath.Join(keys, "signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	p := startProcess(t, writeApp(t, ledger), "--data", data, "--keys", keys)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(filepath.Join(data, "signing-key.pem"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the server has another key: %v", err)
	}
	if err := os.Remove(filepath.Join(keys, "signing-key.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(keys, "secret-key.pem")); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "serve", writeApp(t, ledger), "--listen", "127.0.0.1:0", "--keys", keys)
	if code != 1 || !strings.Contains(out, "has none: put signing-key.pem there") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
