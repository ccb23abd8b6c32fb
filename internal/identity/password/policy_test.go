package password

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || failure.Kind != errs.Invalid || len(failure.Faults) != 1 {
		return "not a fault: " + err.Error()
	}
	return failure.Faults[0].Code
}

func TestCheck(t *testing.T) {
	policy := Policy{Min: 8, Words: []string{"Careers", "ashlar"}}
	about := []string{"ann.o'malley-smith@example.com", "Änn O'Malley"}
	for _, tt := range []struct{ name, password, want string }{
		{"a phrase", "my horse eats blue staples", ""},
		{"made at random", "kX9#mQ2$", ""},
		{"another script", "пароль для сайта", ""},
		{"eight characters of four bytes", "🐎🔋📎✅🐄🌙🧂🎩", ""},
		{"256 characters", "Zq7 " + strings.Repeat("wörld peace ", 21), ""},
		{"seven characters", "kX9#mQ2", "min"},
		{"seven characters that are composed", strings.Repeat("e\u0301", 7), "min"},
		{"257 characters", "Zq7 x" + strings.Repeat("wörld peace ", 21), "max"},
		{"very many", strings.Repeat("ab7", 10_000), "max"},
		{"of the list", "password1", "common"},
		{"of the list, in capitals", "BASKETBALL", "common"},
		{"of the list, with an ending", "Basketball!26", "common"},
		{"a short one of the list, with an ending", "monkey2026", "common"},
		{"one character", "aaaaaaaaaaaaaaaaaaaa", "common"},
		{"a repeated piece", "x7!x7!x7!x7!x7", "common"},
		{"a repeated common password", "dragondragondragon", "common"},
		{"the alphabet", "fghijklmnopqrstuvwxyz", "common"},
		{"the alphabet backwards", "zyxwvutsrqp", "common"},
		{"the app's word", "Careers2026!", "common"},
		{"the app's words", "ashlar-careers-login", "common"},
		{"the address", "ann.o'malley-smith@example.com", "similar"},
		{"the local part", "ann.o'malley-smith", "similar"},
		{"a part of it", "Malley7291", "similar"},
		{"the name", "änn o'malley 1", "similar"},
		{"the name, decomposed", "a\u0308nnmalley", "similar"},
		{"the name and the app's word", "careers:Malley:4711", "similar"},
		{"the name inside a long password", "malley eats blue staples daily", ""},
		{"a short word by chance", "kann7Q2x#", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := codeOf(Check(policy, tt.password, about...)); got != tt.want {
				t.Errorf("Check(%q) has the code %q, want %q", tt.password, got, tt.want)
			}
		})
	}
	if got := len([]rune("Zq7 " + strings.Repeat("wörld peace ", 21))); got != maxLength {
		t.Errorf("the long password has %d characters", got)
	}
}

func TestCheckWithoutWordsAllowsThem(t *testing.T) {
	for _, about := range [][]string{nil, {""}, {"", ""}, {"@"}, {"al@example.com", "Al"}} {
		if err := Check(Policy{Min: 8}, "careers-algebra", about...); err != nil {
			t.Errorf("about %q: %v", about, err)
		}
	}
}

func TestCheckHoldsNothingOfThePassword(t *testing.T) {
	const secret = "ann.malley"
	if err := Check(Policy{Min: 8}, secret, "ann.malley@example.com"); err == nil || strings.Contains(err.Error(), "malley") {
		t.Errorf("Check = %v", err)
	}
}

// TestCheckIsTheSameForEveryForm: keyboards differ in whether they compose accents.
func TestCheckIsTheSameForEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringOf(rapid.SampledFrom([]rune("abÄéñ각ﬁ1!"))).Draw(t, "password")
		composed, decomposed := Check(Policy{Min: 8}, norm.NFC.String(password)), Check(Policy{Min: 8}, norm.NFD.String(password))
		if codeOf(composed) != codeOf(decomposed) {
			t.Errorf("composed %v, decomposed %v", composed, decomposed)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("Careers2026!", "ann@example.com", "Ann")
	f.Add("\xff\xfe", "@", "\x00")
	f.Fuzz(func(t *testing.T, password, email, name string) {
		code := codeOf(Check(Policy{Min: 8, Words: []string{"careers"}}, password, email, name))
		length := utf8.RuneCountInString(norm.NFC.String(password))
		switch {
		case code == "min" && length >= 8, code == "max" && length <= maxLength && len(password) <= maxTyped:
			t.Errorf("%q has %d characters, and the code %s", password, length, code)
		case code != "min" && length < 8, code != "max" && length > maxLength:
			t.Errorf("%q has %d characters, and the code %s", password, length, code)
		case code != "" && code != "min" && code != "max" && code != "common" && code != "similar":
			t.Error(code)
		}
	})
}
