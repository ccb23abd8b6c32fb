package totp

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRecoveryCodes(t *testing.T) {
	form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}$`)
	recovery, known := NewRecovery([32]byte{7}), map[string]bool{}
	for range 100 {
		codes, hashes := recovery.Make("account-1")
		for i, code := range codes {
			if !form.MatchString(code) || known[code] {
				t.Fatalf("code %q", code)
			}
			known[code] = true
			if got, ok := recovery.Hash("account-1", code); !ok || got != hashes[i] {
				t.Errorf("Hash(%s) = %x, %v, want %x", code, got, ok, hashes[i])
			}
			if got, _ := recovery.Hash("account-2", code); got == hashes[i] {
				t.Error("another account has the same hash")
			}
			if got, _ := NewRecovery([32]byte{8}).Hash("account-1", code); got == hashes[i] {
				t.Error("another server has the same hash")
			}
		}
	}
}

func TestRecoveryCodesMayBeTypedInManyWays(t *testing.T) {
	recovery := NewRecovery([32]byte{7})
	rapid.Check(t, func(t *rapid.T) {
		codes, hashes := recovery.Make("account")
		var typed strings.Builder
		for _, c := range codes[0] {
			text := string(c)
			if others := map[rune]string{'0': "oO0", '1': "iIlL1"}[c]; others != "" {
				text = string(rapid.SampledFrom([]rune(others)).Draw(t, "letter"))
			}
			if rapid.Bool().Draw(t, "upper") {
				text = strings.ToUpper(text)
			}
			if c == '-' {
				text = rapid.SampledFrom([]string{"", "-", " ", " - "}).Draw(t, "between")
			}
			typed.WriteString(text)
		}
		if got, ok := recovery.Hash("account", typed.String()); !ok || got != hashes[0] {
			t.Errorf("Hash(%q) for the code %s = %v", typed.String(), codes[0], ok)
		}
	})
}

func TestOtherRecoveryCodesAreRefused(t *testing.T) {
	recovery := NewRecovery([32]byte{7})
	codes, hashes := recovery.Make("account")
	for i := range codes[0] {
		for _, text := range []string{codes[0][:i], codes[0][i+1:], codes[0][:i] + "u" + codes[0][i+1:]} {
			if got, ok := recovery.Hash("account", text); ok && got == hashes[0] {
				t.Errorf("Hash(%q) is the hash of %q", text, codes[0])
			}
		}
	}
	for _, text := range []string{"", "----", "7k2m-xq9d-03f", "7k2m-xq9d-03fw0", "7k2m-xq9d-03fu", "7k2m-xq9d-03f\n", "7k2m_xq9d_03fw", strings.Repeat("0", 1<<16)} {
		if _, ok := recovery.Hash("account", text); ok {
			t.Errorf("Hash(%.40q) accepts it", text)
		}
	}
}

func FuzzRecovery(f *testing.F) {
	recovery := NewRecovery([32]byte{7})
	f.Add("7k2m-xq9d-03fw")
	f.Add("7K2M XQ9D O3FW")
	f.Fuzz(func(t *testing.T, typed string) {
		first, ok := recovery.Hash("account", typed)
		second, again := recovery.Hash("account", strings.ToLower(strings.ReplaceAll(typed, "-", " ")))
		if ok != again || first != second {
			t.Errorf("Hash(%q): %v, %v", typed, ok, again)
		}
	})
}
