package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The versions of signatures.
const (
	symmetric  = "v1"  // HMAC-SHA256
	asymmetric = "v1a" // ed25519
)

// Sign returns the signatures of a message by each key, with spaces between them. While a key is replaced, the old and the new
// one sign.
func Sign(keys []SigningKey, id string, at time.Time, body []byte) (string, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	if len(keys) == 0 || len(keys) > maxSignatures {
		return "", errors.New("a message is signed by 1 to " + strconv.Itoa(maxSignatures) + " keys")
	}
	content := signed(id, strconv.FormatInt(at.Unix(), 10), body)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		signatures[i] = key.sign(content)
	}
	return strings.Join(signatures, " "), nil
}

// sign returns the signature of signed content.
func (k SigningKey) sign(content []byte) string {
	if k.private != nil {
		return asymmetric + "," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, content))
	}
	return symmetric + "," + base64.StdEncoding.EncodeToString(authenticate(k.secret, content))
}

// signed returns what the signature of a message is about.
func signed(id, timestamp string, body []byte) []byte {
	content := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	content = append(content, id...)
	content = append(content, '.')
	content = append(content, timestamp...)
	content = append(content, '.')
	return append(content, body...)
}

func authenticate(secret, content []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(content)
	return mac.Sum(nil)
}
