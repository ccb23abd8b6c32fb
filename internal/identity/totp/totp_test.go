package totp

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func rfcSecret() Secret { return Secret{[secretSize]byte([]byte("12345678901234567890"))} }

// TestCodesOfRFC6238 has the vectors of appendix B. They have eight digits, of which we use the last six.
func TestCodesOfRFC6238(t *testing.T) {
	for _, tt := range []struct {
		seconds int64
		code    string
	}{
		{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"},
		{1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"},
	} {
		step, ok := rfcSecret().Verify(tt.code[2:], time.Unix(tt.seconds, 0), 0)
		if !ok || step != tt.seconds/period {
			t.Errorf("at %d: Verify(%s) = %d, %v", tt.seconds, tt.code[2:], step, ok)
		}
	}
}

func TestCodesAreGoodForThreeSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := NewSecret()
		now := rapid.Int64Range(10*period, 1<<40).Draw(t, "now")
		off := rapid.Int64Range(-4, 4).Draw(t, "steps off")
		code := secret.code(now/period + off)
		step, ok := secret.Verify(code, time.Unix(now, 0), 0)
		near := -skew <= off && off <= skew
		switch {
		case near && !ok, ok && secret.code(step) != code:
			t.Errorf("%d steps off: Verify = %d, %v", off, step, ok)
		case ok && !near:
			for at := now/period - skew; at <= now/period+skew; at++ {
				if secret.code(at) == code {
					return // by chance, once in 300,000 times
				}
			}
			t.Errorf("%d steps off: Verify = %d, %v", off, step, ok)
		}
	})
}

func TestCodesAreGoodOnce(t *testing.T) {
	secret, now := rfcSecret(), time.Unix(1_790_000_000, 0)
	current := now.Unix() / period
	last := int64(0)
	for _, at := range []int64{current - 1, current, current + 1} {
		step, ok := secret.Verify(secret.code(at), now, last)
		if !ok || step != at {
			t.Fatalf("Verify = %d, %v, want %d", step, ok, at)
		}
		last = step
		for _, older := range []int64{current - 1, current, current + 1} {
			if step, ok := secret.Verify(secret.code(older), now, last); ok && older <= last {
				t.Errorf("Verify of step %d after %d = %d, %v", older, last, step, ok)
			}
		}
	}
}

func TestVerifyReadsOnlyCodes(t *testing.T) {
	secret, now := rfcSecret(), time.Unix(59, 0)
	for _, tt := range []struct {
		code string
		want bool
	}{
		{"287082", true}, {"287 082", true}, {" 287082 ", true},
		{"", false}, {"87082", false}, {"0287082", false}, {"2870820", false}, {"94287082", false}, {"287083", false},
		{"28708a", false}, {"-87082", false}, {"٢٨٧٠٨٢", false}, {"287\n082", false},
	} {
		if _, ok := secret.Verify(tt.code, now, 0); ok != tt.want {
			t.Errorf("Verify(%q) = %v", tt.code, ok)
		}
	}
}

func TestSecretsRoundTrip(t *testing.T) {
	for range 100 {
		secret := NewSecret()
		got, err := ParseSecret(secret.Text())
		if err != nil || got != secret || len(secret.Text()) != 32 {
			t.Fatalf("ParseSecret(%s) = %s, %v", secret.Text(), got.Text(), err)
		}
	}
	for _, text := range []string{"", "ABC", "MFRGGZDFMZTWQ2LK", strings.Repeat("1", 32), NewSecret().Text() + "A"} {
		if _, err := ParseSecret(text); err == nil {
			t.Errorf("ParseSecret(%q) gives no error", text)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, value := range []any{NewSecret(), struct{ S Secret }{NewSecret()}, NewRecovery([32]byte{7})} {
			if got := fmt.Sprintf(verb, value); !strings.Contains(got, "REDACTED") || len(got) > 70 {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
}

func TestURI(t *testing.T) {
	uri := rfcSecret().URI("Careers & more", "ann+test@example.com")
	const want = "otpauth://totp/Careers%20&%20more:ann+test@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Careers%20%26%20more"
	if uri != want {
		t.Errorf("URI = %s, want %s", uri, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		issuer, account := rapid.String().Draw(t, "issuer"), rapid.String().Draw(t, "account")
		parsed, err := url.Parse(rfcSecret().URI(issuer, account))
		if err != nil {
			t.Fatal(err)
		}
		issuer, account = label(issuer, maxIssuer), label(account, maxAccount)
		if parsed.Path != "/"+issuer+":"+account || parsed.Query().Get("issuer") != issuer || parsed.Query().Get("secret") != rfcSecret().Text() {
			t.Errorf("URI reads as %q with %q", parsed.Path, parsed.Query())
		}
	})
}

func TestURICutsLongNames(t *testing.T) {
	parsed, err := url.Parse(rfcSecret().URI(strings.Repeat("ä", 41), strings.Repeat("b", 100)+":"))
	if err != nil || parsed.Path != "/"+strings.Repeat("ä", 39)+"…:"+strings.Repeat("b", 99)+"…" {
		t.Errorf("URI has the names %q, %v", parsed.Path, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("287082", int64(59), int64(0))
	f.Add("287 082", int64(-1), int64(1)<<62)
	f.Fuzz(func(t *testing.T, code string, now, last int64) {
		step, ok := rfcSecret().Verify(code, time.Unix(now, 0), last)
		if ok && (step <= last || rfcSecret().code(step) != strings.ReplaceAll(code, " ", "")) {
			t.Errorf("Verify(%q, %d, %d) = %d", code, now, last, step)
		}
	})
}
