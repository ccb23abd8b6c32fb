package token

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

func testKeys(t *testing.T) *Keys {
	t.Helper()
	k, err := Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDerivedKeysDiffer(t *testing.T) {
	a, b := testKeys(t), testKeys(t)
	keys := [][32]byte{a.Derive("x"), a.Derive("y"), b.Derive("x"), a.Derive("")}
	for i, key := range keys {
		if slices.Contains(keys[i+1:], key) {
			t.Errorf("key %d repeats", i)
		}
	}
	if again := a.Derive("x"); again != keys[0] {
		t.Error("the key of a purpose changes")
	}
}

func TestSealedSecretsOpenForTheirRowOnly(t *testing.T) {
	a, b := testKeys(t), testKeys(t)
	text, err := a.Seal("totp", []byte("secret"), "row 1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Open("totp", text, "row 1"); err != nil || string(got) != "secret" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if again, err := a.Seal("totp", []byte("secret"), "row 1"); err != nil || again == text {
		t.Errorf("sealed twice alike: %v", err)
	}
	for _, tt := range []struct {
		name                   string
		keys                   *Keys
		purpose, text, context string
	}{
		{"other keys", b, "totp", text, "row 1"},
		{"another purpose", a, "mail", text, "row 1"},
		{"another row", a, "totp", text, "row 2"},
		{"no version", a, "totp", strings.TrimPrefix(text, "v1."), "row 1"},
		{"cut", a, "totp", text[:len(text)-1], "row 1"},
		{"short", a, "totp", "v1.AAAA", "row 1"},
		{"empty", a, "totp", "", "row 1"},
	} {
		if got, err := tt.keys.Open(tt.purpose, tt.text, tt.context); err == nil {
			t.Errorf("%s: Open = %q", tt.name, got)
		}
	}
}

func TestJWKSHasThePublicKeyOnly(t *testing.T) {
	k := testKeys(t)
	text, err := k.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || set.Keys[0]["kty"] != "OKP" || set.Keys[0]["crv"] != "Ed25519" || set.Keys[0]["kid"] != k.first().id || set.Keys[0]["x"] == "" || set.Keys[0]["d"] != "" {
		t.Errorf("JWKS = %s", text)
	}
}

// A token of a session says all that the caller of the session is.
func TestTokensCarryTheirSession(t *testing.T) {
	k := testKeys(t)
	now := time.Unix(1_800_000_000, 0).UTC()
	want := caller.User(caller.Identity{
		ID: "u", Email: "ada@example.com", Verified: true, MFA: true, Methods: []string{"password", "totp"}, Since: now.Add(-time.Minute),
		Proof: caller.Proof{Kind: caller.ProofSession, ID: "s", Stamp: 3},
	})
	text, err := k.Sign(caller.Identity{
		ID: "u", Email: "ada@example.com", Verified: true, MFA: true, Methods: want.Methods(), Since: now.Add(-time.Minute), Proof: want.Proof(),
	}, time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := NewVerifier(k, Config{Now: func() time.Time { return now }}).Verify(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(caller.Caller{})); diff != "" {
		t.Errorf("caller (-want +got):\n%s", diff)
	}
}

// FuzzOpen opens texts that somebody put into the database.
func FuzzOpen(f *testing.F) {
	k, err := Open(filepath.Join(f.TempDir(), "key.pem"))
	if err != nil {
		f.Fatal(err)
	}
	text, err := k.Seal("totp", []byte("secret"), "row")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("v1.")
	f.Add("v1." + strings.Repeat("A", 40))
	f.Fuzz(func(t *testing.T, given string) {
		got, err := k.Open("totp", given, "row")
		if (err == nil) != (given == text) || (err == nil && string(got) != "secret") {
			t.Errorf("Open(%q) = %q, %v", given, got, err)
		}
	})
}
