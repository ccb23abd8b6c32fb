package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

func TestOpenMakesTheKeyOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
	second, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !first.first().private.Equal(second.first().private) || first.first().id != second.first().id {
		t.Error("the second Open gave another key")
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 2 {
		t.Errorf("the folder holds %v, %v; want the two keys alone", names, err)
	}
}

func TestOpenRaceOfGoroutines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			k, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.first().id
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different keys: %v", ids)
		}
	}
}

// TestOpenRaceOfProcesses starts this test binary several times, as the children below.
func TestOpenRaceOfProcesses(t *testing.T) {
	if path := os.Getenv("ASHLAR_TEST_KEY"); path != "" {
		k, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("KID", k.first().id)
		return
	}
	path := filepath.Join(t.TempDir(), "key.pem")
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	for range 6 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestOpenRaceOfProcesses$", "-test.v")
			cmd.Env = append(os.Environ(), "ASHLAR_TEST_KEY="+path)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
				return
			}
			_, id, _ := strings.Cut(string(out), "KID ")
			id, _, _ = strings.Cut(id, "\n")
			mu.Lock()
			ids[id]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(ids) != 1 || ids[""] > 0 {
		t.Errorf("processes got these keys: %v, want one", ids)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := func(t *testing.T) []byte {
		path := filepath.Join(t.TempDir(), "k")
		if _, err := Open(path); err != nil {
			t.Fatal(err)
		}
		out, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	key := good(t)
	for _, tt := range []struct {
		name string
		text []byte
		mode os.FileMode
		want string
	}{
		{"readable by the group", key, 0o640, "mode 0640"},
		{"readable by all", key, 0o604, "chmod 600"},
		{"writable by all", key, 0o602, "chmod 600"},
		{"empty", nil, 0o600, "damaged"},
		{"no PEM", []byte("hello"), 0o600, "not one PEM block"},
		{"two blocks", append(append([]byte{}, key...), key...), 0o600, "not one PEM block"},
		{"another type", []byte(strings.ReplaceAll(string(key), "PRIVATE", "PUBLIC")), 0o600, "not one PEM block"},
		{"cut", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der[:9]}), 0o600, "PKCS #8"},
		{"another algorithm", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600, "not an Ed25519"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			if err := os.WriteFile(path, tt.text, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open = %v, want an error with %q and the path", err, tt.want)
			}
			after, readErr := os.ReadFile(path)
			if readErr != nil || string(after) != string(tt.text) {
				t.Errorf("the file was changed: %q, %v", after, readErr)
			}
		})
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("Open of a folder gave no error")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing", "key.pem")); err == nil {
		t.Error("Open in a missing folder gave no error")
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	k, err := Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "REDACTED" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	k, err := Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		id   caller.Identity
		ttl  time.Duration
	}{
		{"nobody", caller.Identity{}, time.Hour},
		{"no time", caller.Identity{ID: "u"}, 0},
		{"the past", caller.Identity{ID: "u"}, -time.Hour},
		{"too long", caller.Identity{ID: strings.Repeat("u", 4000)}, time.Hour},
	} {
		if got, err := k.Sign(tt.id, tt.ttl, time.Now()); err == nil || got != "" {
			t.Errorf("%s: Sign = %q, %v, want an error", tt.name, got, err)
		}
	}
}
