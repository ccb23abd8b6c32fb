package tlscert

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

// A pair that no client would accept is refused at start, with its dates.
func TestOpenFilesRefuses(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	pebbletest.WritePair(t, path("good.pem"), path("good.key"), now.Add(-time.Hour), now.Add(time.Hour), "app.example.com")
	pebbletest.WritePair(t, path("old.pem"), path("old.key"), now.Add(-48*time.Hour), now.Add(-24*time.Hour), "app.example.com")
	pebbletest.WritePair(t, path("new.pem"), path("new.key"), now.Add(24*time.Hour), now.Add(48*time.Hour), "app.example.com")
	for name, text := range map[string]string{
		"empty.pem": "", "locked.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "large.pem": strings.Repeat("x", mostBytes+1),
	} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		cert, key string
		want      []string
	}{
		{"good.pem", "good.key", nil},
		{"good.pem", "old.key", []string{"does not fit its key", "[app.example.com 127.0.0.1]", "2026-11-28 11:00:00 to 2026-11-28 13:00:00"}},
		{"old.pem", "old.key", []string{"has expired", "2026-11-26 12:00:00 to 2026-11-27 12:00:00", "now it is 2026-11-28 12:00:00"}},
		{"new.pem", "new.key", []string{"is not valid yet", "2026-11-29 12:00:00 to 2026-11-30 12:00:00", "compare the clock"}},
		{"empty.pem", "good.key", []string{"holds no CERTIFICATE"}},
		{"good.key", "good.pem", []string{"holds no CERTIFICATE"}},
		{"good.pem", "locked.key", []string{"locked with a passphrase"}},
		{"large.pem", "good.key", []string{"more than 1048576 bytes"}},
		{"absent.pem", "good.key", []string{"absent.pem", "no such file"}},
	} {
		_, err := OpenFiles(path(tt.cert), path(tt.key), FilesConfig{Now: func() time.Time { return now }})
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%s with %s: %v", tt.cert, tt.key, err)
			continue
		}
		for _, text := range tt.want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s with %s: %v; want it to say %q", tt.cert, tt.key, err, text)
			}
		}
	}
}

// A broken new pair leaves the old one in use and is told once. Half of a change is not told. The end of a certificate is told
// once a day.
func TestFilesKeepTheOldPair(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	cert, key := filepath.Join(t.TempDir(), "app.pem"), filepath.Join(t.TempDir(), "app.key")
	pebbletest.WritePair(t, cert, key, now.Add(-80*24*time.Hour), now.Add(10*24*time.Hour+time.Hour), "old.example.com")
	var said bytes.Buffer
	f, err := OpenFiles(cert, key, FilesConfig{Logger: slog.New(slog.NewTextHandler(&said, nil)), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	serves := func(want string) {
		t.Helper()
		pair, err := f.Certificate(&tls.ClientHelloInfo{})
		if err != nil || pair.Leaf.DNSNames[0] != want {
			t.Errorf("the certificate of %v is served (%v), want %s", pair.Leaf.DNSNames, err, want)
		}
	}
	counts := func(text string, want int) {
		t.Helper()
		if got := strings.Count(said.String(), text); got != want {
			t.Errorf("%q is told %d times, want %d:\n%s", text, got, want, said.String())
		}
	}
	for range 3 {
		f.look()
	}
	counts("days_left=10", 1)
	now = now.Add(24 * time.Hour)
	f.look()
	counts("days_left=9", 1)

	newCert, newKey := pebbletest.NewPair(t, now.Add(-time.Hour), now.Add(90*24*time.Hour), "new.example.com")
	put := func(path string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(cert, newCert) // half of a change
	f.look()
	serves("old.example.com")
	counts("is refused", 0)
	put(key, newKey)
	f.look()
	serves("new.example.com")
	counts("took the new certificate", 1)

	put(key, []byte("rubbish"))
	for range 5 {
		f.look()
	}
	serves("new.example.com")
	counts("is refused", 1)
	if status := f.Status()[0]; status.Error == "" || status.Failed.IsZero() || status.Names[0] != "new.example.com" || status.Issuer != "a test" {
		t.Errorf("Status = %+v", status)
	}
	put(key, newKey)
	f.look()
	if status := f.Status()[0]; status.Error != "" {
		t.Errorf("Status of mended files = %+v", status)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f.look()
	}
	serves("new.example.com")
	counts("is refused", 2)
}

func TestReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for _, tt := range []struct {
		mode os.FileMode
		want string
	}{{0o600, ""}, {0o640, ""}, {0o644, "mode 0644"}} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		if got := Readable(path); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("Readable of mode %o = %q", tt.mode, got)
		}
	}
}
