package password

import (
	"strings"
	"testing"
)

// No kind of character is required, and none is refused (ASVS 6.2.5).
func TestCheckAsksForNoComposition(t *testing.T) {
	for _, password := range []string{
		"8402957316604821", "qwmzkxhvbtrpl", "QWMZKXHVBTRPL", "%§&=?+*#!,;:", "ЖЩЪЫЬЭЮЯЁ", "日本語の秘密の言葉", "   a  quiet   tree   ", "tab\tnew\nline\x00zero",
	} {
		if err := Check(Policy{Min: 8}, password); err != nil {
			t.Errorf("Check(%q) = %v", password, err)
		}
	}
}

// A password is compared whole: every change of it is another password, behind the 72nd byte too (ASVS 6.2.8).
func TestPasswordsAreComparedWhole(t *testing.T) {
	h := small()
	password := strings.Repeat("Pferde fressen Äpfel. ", 11)
	phc, err := h.Hash(t.Context(), nobody, password)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{
		"the last character cut off": password[:len(password)-1], "72 bytes": password[:72], "trimmed": strings.TrimSpace(password),
		"in lower case": strings.ToLower(password), "in upper case": strings.ToUpper(password), "longer": password + " ",
		"another end": password[:len(password)-2] + "! ", "without accents": strings.ReplaceAll(password, "Ä", "A"),
	} {
		if ok, _, err := h.Verify(t.Context(), nobody, phc, other); ok || err != nil {
			t.Errorf("%s: Verify = %v, %v", name, ok, err)
		}
	}
	if ok, _, err := h.Verify(t.Context(), nobody, phc, password); !ok || err != nil {
		t.Errorf("the password itself: Verify = %v, %v", ok, err)
	}
}
