package token

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/test/effort"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// node is a server of a test with a clock of its own.
type node struct {
	keys     *Keys
	verifier *Verifier
	clock    *clock
}

func openNode(t testing.TB, path string, now time.Time) *node {
	t.Helper()
	keys, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: now}
	keys.now = c.Now
	return &node{keys: keys, verifier: NewVerifier(keys, Config{Now: c.Now}), clock: c}
}

// rotate rotates and returns the file of the new key.
func rotate(t testing.TB, path string, now time.Time) string {
	t.Helper()
	made, _, err := Rotate(path, now)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (n *node) sign(t testing.TB, ttl time.Duration) string {
	t.Helper()
	token, err := n.keys.Sign(caller.Identity{ID: "u"}, ttl, n.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// kid returns the id of the key that signs now.
func (n *node) kid() string { return n.keys.set.Load().signer(n.clock.Now()).id }

func (n *node) reload(t testing.TB) {
	t.Helper()
	if err := n.keys.Reload(); err != nil {
		t.Fatal(err)
	}
}

// TestRotationRefusesNoToken walks at random through the time of several servers. They reload their keys at different times,
// and their clocks differ. Every server accepts each token until it expires.
func TestRotationRefusesNoToken(t *testing.T) {
	effort.SkipRaced(t)
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		home, err := os.MkdirTemp(folder, "")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(home, "key.pem")
		type signed struct {
			token  string
			expiry time.Time
		}
		var nodes []*node
		for range 3 {
			keys, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			off := time.Duration(rapid.IntRange(-20, 20).Draw(t, "clock off by")) * time.Second
			c := &clock{now: start.Add(off)}
			keys.now = c.Now
			nodes = append(nodes, &node{keys: keys, verifier: NewVerifier(keys, Config{Now: c.Now}), clock: c})
		}
		now, tokens := start, []signed(nil)
		reloaded := []time.Time{start, start, start}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				wait := time.Duration(rapid.SampledFrom([]int{1, 5, 60, 600, 86_400, 200 * 86_400}).Draw(t, "seconds")) * time.Second
				now = now.Add(wait)
				for i, n := range nodes {
					n.clock.add(wait)
					// After a long wait each server has reloaded, at the latest 10 s ago.
					if now.Sub(reloaded[i]) > reloadPause || rapid.Bool().Draw(t, "reload") {
						if err := n.keys.Reload(); err != nil {
							t.Fatal(err)
						}
						reloaded[i] = now
					}
				}
			},
			"rotate": func(t *rapid.T) {
				by := nodes[rapid.IntRange(0, 2).Draw(t, "server")]
				if _, _, err := Rotate(path, by.clock.Now()); err != nil && !strings.Contains(err.Error(), "very second") {
					t.Fatal(err)
				}
			},
			"sign": func(t *rapid.T) {
				by := nodes[rapid.IntRange(0, 2).Draw(t, "server")]
				ttl := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, MaxTTL}).Draw(t, "ttl")
				token, err := by.keys.Sign(caller.Identity{ID: "u"}, ttl, by.clock.Now())
				if err != nil {
					t.Fatal(err)
				}
				tokens = append(tokens, signed{token, by.clock.Now().Add(ttl)})
			},
			"": func(t *rapid.T) {
				for _, s := range tokens {
					for i, n := range nodes {
						if _, err := n.verifier.Verify(s.token); err != nil && n.clock.Now().Before(s.expiry.Add(-time.Second)) {
							t.Fatalf("server %d refuses a token %v before it expires: %v", i, s.expiry.Sub(n.clock.Now()), err)
						}
					}
				}
			},
		})
	})
}

func TestANewKeySignsWhenAllServersKnowIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	first := n.kid()
	rotate(t, path, start)
	n.reload(t)
	n.clock.add(overlap - time.Second)
	if n.kid() != first {
		t.Error("the new key signs too early")
	}
	n.clock.add(time.Second)
	if n.kid() == first {
		t.Error("the new key does not sign after the overlap")
	}
	if text, err := n.keys.JWKS(); err != nil || !bytes.Contains(text, []byte(first)) || !bytes.Contains(text, []byte(n.kid())) {
		t.Errorf("JWKS = %s, %v", text, err)
	}
}

// TestRetiredKeysGo rotates after the last token of a key has expired. What was sealed before stays readable.
func TestRetiredKeysGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	derived := n.keys.Derive("x")
	sealed, err := n.keys.Seal("totp", []byte("secret"), "row")
	if err != nil {
		t.Fatal(err)
	}
	last := n.sign(t, MaxTTL)
	second := rotate(t, path, start)
	n.clock.add(MaxTTL + overlap)
	if _, removed, err := Rotate(path, n.clock.Now()); len(removed) != 0 || err != nil {
		t.Errorf("Rotate removed %v, %v", removed, err)
	}
	n.clock.add(2 * maxSkew * time.Second)
	n.reload(t) // which already forgets the key
	if _, err := n.verifier.Verify(last); err == nil {
		t.Error("a token of the retired key is accepted")
	}
	_, removed, err := Rotate(path, n.clock.Now())
	if len(removed) != 1 || removed[0] != path || err != nil {
		t.Errorf("Rotate removed %v, %v, want %s", removed, err, path)
	}
	again := openNode(t, path, n.clock.Now())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open made the first key again: %v", err)
	}
	if again.keys.first().path != second || again.keys.Derive("x") != derived {
		t.Error("the keys changed")
	}
	if got, err := again.keys.Open("totp", sealed, "row"); err != nil || string(got) != "secret" {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestDeletingAKeyEndsItsTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	token := n.sign(t, time.Hour)
	if _, err := n.verifier.Verify(token); err != nil { // and remembers it
		t.Fatal(err)
	}
	rotate(t, path, start)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	n.reload(t)
	if _, err := n.verifier.Verify(token); err == nil {
		t.Error("a token of the deleted key is accepted")
	}
	if _, err := n.verifier.Verify(n.sign(t, time.Hour)); err != nil {
		t.Errorf("the only key does not sign at once: %v", err)
	}
}

func TestServersWithOneSigningKeyShareTheSecretKey(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "key.pem"), filepath.Join(t.TempDir(), "key.pem")
	a := openNode(t, one, start)
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(two, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if b := openNode(t, two, start); b.keys.Derive("x") != a.keys.Derive("x") {
		t.Error("the servers derive different keys")
	}
	// A new signing key changes nothing.
	if err := os.Remove(two); err != nil {
		t.Fatal(err)
	}
	if b := openNode(t, two, start); b.keys.Derive("x") != a.keys.Derive("x") || b.kid() == a.kid() {
		t.Error("the secret key went with the signing key, or the signing key stayed")
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	write := func(text string, mode os.FileMode) func(string) error {
		return func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode))
		}
	}
	for _, tt := range []struct {
		name, file string
		damage     func(path string) error
		want       string
	}{
		{"the secret key is open to others", secretName, func(path string) error { return os.Chmod(path, 0o640) }, "sealed secrets"},
		{"the secret key is damaged", secretName, write("x", 0o600), "not one PEM block of type ASHLAR SECRET KEY"},
		{"the secret key is short", secretName, write("-----BEGIN ASHLAR SECRET KEY-----\nAAAA\n-----END ASHLAR SECRET KEY-----\n", 0o600), "3 bytes, not 32"},
		{"a later key is damaged", "signing-keys/20270101T000000Z.pem", write("x", 0o600), "damaged"},
		{"a later key is open to others", "signing-keys/20270101T000000Z.pem", write("x", 0o644), "chmod 600"},
		{"a file has another name", "signing-keys/new.pem", write("x", 0o600), "no time as its name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			n := openNode(t, path, start)
			rotate(t, path, start)
			if err := tt.damage(filepath.Join(filepath.Dir(path), filepath.FromSlash(tt.file))); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an error with %q", err, tt.want)
			}
			if tt.file == secretName {
				return
			}
			token := n.sign(t, time.Hour)
			if err := n.keys.Reload(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Reload = %v, want an error with %q", err, tt.want)
			}
			if _, err := n.verifier.Verify(token); err != nil {
				t.Errorf("after a failed Reload: %v", err)
			}
		})
	}
}

func TestDraftsAreNoKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	made := rotate(t, path, start)
	if err := os.WriteFile(made+".DRAFT", []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.reload(t)
	if got := len(n.keys.set.Load().keys); got != 2 {
		t.Errorf("%d keys, want 2", got)
	}
}

func TestOpenWithoutTheSecretKeyOfARetiredKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	openNode(t, path, start)
	rotate(t, path, start)
	if err := errors.Join(os.Remove(path), os.Remove(filepath.Join(filepath.Dir(path), secretName))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "copy it from another server") {
		t.Errorf("Open = %v", err)
	}
}

func TestRotateRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if _, _, err := Rotate(path, start); err == nil || !strings.Contains(err.Error(), "no signing key") {
		t.Errorf("before the first start: %v", err)
	}
	openNode(t, path, start)
	rotate(t, path, start)
	if _, _, err := Rotate(path, start.Add(900*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "very second") {
		t.Errorf("twice in a second: %v", err)
	}
	rotate(t, path, start.Add(time.Second))
}

func TestKeysThatAreGoneStayInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	token := n.sign(t, time.Hour)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := n.keys.Reload(); err == nil || !strings.Contains(err.Error(), "are gone") {
		t.Errorf("Reload = %v", err)
	}
	if _, err := n.verifier.Verify(token); err != nil {
		t.Error(err)
	}
}

func TestWatcherFindsNewKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	n := openNode(t, path, start)
	synctest.Test(t, func(t *testing.T) {
		var log lockedText
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		w := Watcher{Keys: n.keys, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		go func() { ended <- w.Run(ctx) }()
		step := func() {
			time.Sleep(reloadPause)
			synctest.Wait()
		}
		step()
		if log.String() != "" {
			t.Errorf("without a change: %s", &log)
		}
		made := rotate(t, path, start)
		step()
		if got := n.keys.set.Load().ids(); len(got) != 2 || strings.Count(log.String(), "the signing keys changed") != 1 {
			t.Errorf("keys %v; log %s", got, &log)
		}
		if err := os.Chmod(made, 0o644); err != nil {
			t.Fatal(err)
		}
		step()
		step()
		if got := n.keys.set.Load().ids(); len(got) != 2 || strings.Count(log.String(), "cannot be read") != 1 {
			t.Errorf("after a failure: keys %v; log %s", got, &log)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
}

// lockedText is a log that one goroutine writes and another reads.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
