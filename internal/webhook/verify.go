package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The reasons for which a message is refused.
var (
	ErrHeaders   = errors.New("the headers webhook-id, webhook-timestamp and webhook-signature are not each there once and well formed")
	ErrTimestamp = errors.New("the timestamp of the message is too far from the present time")
	ErrSignature = errors.New("no signature of the message is by a known key")
)

const (
	usualTolerance = 5 * time.Minute
	maxSignatures  = 16 // of one message; it bounds the work for a forged one
)

// A Verifier verifies messages. Keys is required.
type Verifier struct {
	Keys      []VerifyingKey
	Tolerance time.Duration    // between the timestamp of a message and the present time; default: 5 minutes
	Now       func() time.Time // default: time.Now
}

// Verify returns nil for a message that one of the keys has signed lately.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	id, hasID := only(header, IDHeader)
	timestamp, hasTimestamp := only(header, TimestampHeader)
	list, hasSignatures := only(header, SignatureHeader)
	at, isTime := parseTimestamp(timestamp)
	signatures := strings.Split(list, " ")
	if !hasID || !hasTimestamp || !hasSignatures || !isTime || checkID(id) != nil || len(signatures) > maxSignatures {
		return ErrHeaders
	}
	if age := v.now().Sub(at).Abs(); age > v.tolerance() {
		return ErrTimestamp
	}
	content := signed(id, timestamp, body)
	for _, key := range v.Keys {
		if key.verify(content, signatures) {
			return nil
		}
	}
	return ErrSignature
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v *Verifier) tolerance() time.Duration {
	if v.Tolerance == 0 {
		return usualTolerance
	}
	return v.Tolerance
}

// only returns the value of a header that is there once. Of two, this program and the receiver behind it might read different
// ones.
func only(header http.Header, name string) (string, bool) {
	values := header.Values(name)
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// parseTimestamp reads seconds since 1970 in their one form: no sign, no leading zero.
func parseTimestamp(text string) (time.Time, bool) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > maxTimestamp || strconv.FormatInt(seconds, 10) != text {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

const maxTimestamp = 253402300799 // the end of the year 9999

// verify reports whether one of the signatures is by the key. A signature must have its full length: a comparison of the
// common part would accept each prefix.
func (k VerifyingKey) verify(content []byte, signatures []string) bool {
	version, size, want := symmetric, sha256.Size, []byte(nil)
	if k.public != nil {
		version, size = asymmetric, ed25519.SignatureSize
	} else {
		want = authenticate(k.secret, content)
	}
	for _, text := range signatures {
		signature, ok := decode(text, version+",")
		if !ok || len(signature) != size {
			continue
		}
		if k.public != nil && ed25519.Verify(k.public, content, signature) {
			return true
		}
		if k.public == nil && hmac.Equal(signature, want) {
			return true
		}
	}
	return false
}
