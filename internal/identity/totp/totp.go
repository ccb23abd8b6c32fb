// Package totp checks the codes of authenticator apps, and the recovery codes for people who lost theirs.
package totp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// What every authenticator app supports, and some support nothing else: RFC 6238 with SHA-1, 6 digits and 30 seconds.
const (
	digits = 6
	modulo = 1_000_000
	period = 30 // seconds
	skew   = 1  // steps that the clock of a phone may be off
)

// secretSize is the size of a secret in bytes. RFC 4226 recommends 20.
const secretSize = 20

// A Secret is what an authenticator app and the server share.
type Secret struct{ key [secretSize]byte }

// NewSecret makes a secret.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s.key[:])
	return s
}

// Format prints REDACTED, never the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// Text returns the secret for people who type it, in base32. Seal it for the database.
func (s Secret) Text() string { return base32Text.EncodeToString(s.key[:]) }

// ParseSecret reads the Text of a secret.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	key, err := base32Text.DecodeString(text)
	copy(s.key[:], key)
	if err != nil || s.Text() != text {
		return Secret{}, errors.New("not a secret of an authenticator app")
	}
	return s, nil
}

// Longest names in an address, in code points. So every address fits into a QR code.
const (
	maxIssuer  = 40
	maxAccount = 100
)

// URI returns the otpauth address of a secret. An app shows the names of the issuer and the account. URI cuts long names.
func (s Secret) URI(issuer, account string) string {
	issuer, account = label(issuer, maxIssuer), label(account, maxAccount)
	// Apps take a plus sign for itself, so a space must be %20.
	query := "secret=" + s.Text() + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + query
}

// label returns a name for an address. A colon separates the two names, so a name has none.
func label(name string, most int) string {
	letters := []rune(strings.ReplaceAll(name, ":", " "))
	if len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return string(letters)
}

// Verify reports whether a code is right, and returns its step. The caller stores the step and gives it as last the next
// time: Verify refuses codes of the last step and of earlier ones, so nobody can use a code twice. Spaces in a code do not
// count.
func (s Secret) Verify(code string, now time.Time, last int64) (step int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	if !isCode(code) {
		return 0, false
	}
	current := now.Unix() / period
	for at := current - skew; at <= current+skew; at++ {
		same := subtle.ConstantTimeCompare([]byte(s.code(at)), []byte(code)) == 1
		if same && at > last && !ok {
			step, ok = at, true
		}
	}
	return step, ok
}

// isCode reports whether a text has the form of a code.
func isCode(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) == digits
}

// code returns the code of a step.
func (s Secret) code(step int64) string {
	mac := hmac.New(sha1.New, s.key[:])
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", digits, number%modulo)
}
