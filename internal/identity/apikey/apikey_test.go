package apikey

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func TestKeysRoundTrip(t *testing.T) {
	form := regexp.MustCompile(`^ashl_[0-9a-hjkmnp-tv-z]{26}_[0-9a-hjkmnp-tv-z]{52}_[0-9a-hjkmnp-tv-z]{7}$`)
	known := map[string]bool{}
	for range 1000 {
		text, id, hash := New()
		if !form.MatchString(text) || len(text) != textSize || known[text] || known[id] {
			t.Fatalf("New = %s, %s", text, id)
		}
		known[text], known[id] = true, true
		gotID, gotHash, err := Parse(text)
		if gotID != id || gotHash != hash || err != nil {
			t.Fatalf("Parse(%s) = %s, %x, %v", text, gotID, gotHash, err)
		}
		if !strings.HasPrefix(text, strings.TrimSuffix(Prefix(id), "…")) || len([]rune(Prefix(id))) != 14 {
			t.Errorf("Prefix(%s) = %s for %s", id, Prefix(id), text)
		}
	}
}

// TestKeyOfFirstRelease pins the form and the hash: keys of an earlier release must stay good.
func TestKeyOfFirstRelease(t *testing.T) {
	const text = "ashl_067g000001r0100000000000m4_000g40r40m30e209185gr38e1w8124gk2gahc5rr34d1p70x3rfg_eafpbrr"
	id, hash, err := Parse(text)
	if id != "018f0000-0000-7000-8000-0000000000a1" || err != nil {
		t.Errorf("Parse = %s, %v", id, err)
	}
	if got := hex.EncodeToString(hash[:]); got != "75b9dcd0aed39af137cf97e022dfe79f0b9079cda02a2daed5db62c0c123e99c" {
		t.Errorf("the hash is %s", got)
	}
	if got := Prefix(id); got != "ashl_067g0000…" {
		t.Errorf("Prefix = %s", got)
	}
}

// altered returns texts that differ from a key in every way that a cut, a typing error or a careless reader could bring.
func altered(key string) map[string]string {
	all := map[string]string{"upper case": strings.ToUpper(key), "twice": key + key, "quoted": `"` + key + `"`, "bearer": "Bearer " + key}
	for i := range len(key) {
		all[fmt.Sprint("prefix ", i)] = key[:i]
		all[fmt.Sprint("suffix ", i)] = key[i+1:]
		all[fmt.Sprint("without ", i)] = key[:i] + key[i+1:]
		for bit := range 8 {
			text := []byte(key)
			text[i] ^= 1 << bit
			all[fmt.Sprint("bit ", i, " ", bit)] = string(text)
		}
		if r := rune(key[i]); unicode.IsLetter(r) {
			all[fmt.Sprint("case ", i)] = key[:i] + string(unicode.ToUpper(r)) + key[i+1:]
		}
		for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz_-=" {
			all[fmt.Sprint("letter ", i, " ", string(c))] = key[:i] + string(c) + key[i+1:]
		}
	}
	for _, more := range []string{"=", "======", " ", "\n", "\r\n", "\t", "\x00", "0", "_", "-", "\u00a0"} {
		for i := range len(key) + 1 {
			all[fmt.Sprintf("%q at %d", more, i)] = key[:i] + more + key[i:]
			if i+len(more) <= len(key) {
				all[fmt.Sprintf("%q over %d", more, i)] = key[:i] + more + key[i+len(more):]
			}
		}
	}
	for name, text := range all {
		if text == key {
			delete(all, name)
		}
	}
	return all
}

func TestParseRefusesEveryOtherText(t *testing.T) {
	effort.SkipRaced(t)
	rapid.Check(t, func(t *rapid.T) {
		id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), idSize, idSize).Draw(t, "id"))
		key := write(id, rapid.SliceOfN(rapid.Byte(), secretSize, secretSize).Draw(t, "secret"))
		if got, _, err := Parse(key); got != id.String() || err != nil {
			t.Fatalf("Parse(%s) = %s, %v", key, got, err)
		}
		for name, text := range altered(key) {
			if got, hash, err := Parse(text); err == nil || got != "" || hash != [sha256.Size]byte{} {
				t.Fatalf("%s: Parse(%q) = %s, %v; the key is %q", name, text, got, err, key)
			}
		}
	})
}

// TestAnotherSecretHasAnotherHash changes a key as somebody would who knows the checksum: Parse cannot know better, but the
// hash does.
func TestAnotherSecretHasAnotherHash(t *testing.T) {
	text, id, hash := New()
	secret, err := letters.DecodeString(text[secretStart:secretEnd])
	if err != nil {
		t.Fatal(err)
	}
	secret[7] ^= 1
	forgedID, forged, err := Parse(write(uuid.MustParse(id), secret))
	if forgedID != id || err != nil || forged == hash {
		t.Errorf("Parse = %s, %v; the hash is the same: %v", forgedID, err, forged == hash)
	}
}

func TestErrorsHoldNothingOfTheKey(t *testing.T) {
	text, _, _ := New()
	if _, _, err := Parse(text[:textSize-1]); err == nil || strings.Contains(err.Error(), text[idStart:idEnd]) {
		t.Errorf("Parse = %v", err)
	}
}

func TestIsKey(t *testing.T) {
	text, _, _ := New()
	for token, want := range map[string]bool{text: true, text[:20]: true, "eyJhbGciOiJFZERTQSJ9.e30.c2ln": false, "": false, "ASHL_": false} {
		if got := IsKey(token); got != want {
			t.Errorf("IsKey(%q) = %v", token, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, _, _ := New()
	f.Add(text)
	f.Add("ashl_" + strings.Repeat("\n", 26) + "_" + strings.Repeat("0", 52) + "_0000000")
	f.Fuzz(func(t *testing.T, text string) {
		if id, _, err := Parse(text); err == nil {
			secret, _ := letters.DecodeString(text[secretStart:secretEnd])
			if write(uuid.MustParse(id), secret) != text {
				t.Errorf("Parse accepts %q", text)
			}
		}
	})
}
