package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// The prefixes of keys as text.
const (
	secretPrefix  = "whsec_" // a shared secret
	privatePrefix = "whsk_"  // an ed25519 private key
	publicPrefix  = "whpk_"  // its public key
)

// The bounds of a shared secret, in bytes.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

// The errors of keys say what to write. They never repeat the text.
var (
	errSecret  = errors.New("write whsec_ and 24 to 64 random bytes in base64, such as the output of: echo whsec_$(openssl rand -base64 32)")
	errPrivate = errors.New("write whsk_ and an ed25519 private key in base64: its seed of 32 bytes, or seed and public key, 64 bytes")
	errPublic  = errors.New("write whpk_ and an ed25519 public key of 32 bytes in base64")
	errKey     = errors.New("write a shared secret, which begins with whsec_, or an ed25519 private key, which begins with whsk_")
)

// A SigningKey signs messages. It has either a shared secret, for signatures of version v1, or an ed25519 private key, for
// v1a. It prints as REDACTED.
type SigningKey struct {
	redacted
	secret  []byte
	private ed25519.PrivateKey
}

// NewSecret returns a new shared secret.
func NewSecret() SigningKey {
	secret := make([]byte, newSecret)
	_, _ = rand.Read(secret) // never fails
	return SigningKey{secret: secret}
}

// NewPrivateKey returns a new ed25519 private key.
func NewPrivateKey() SigningKey {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	return SigningKey{private: ed25519.NewKeyFromSeed(seed)}
}

// NewKeyFromSeed returns the ed25519 private key of a seed of 32 secret bytes.
func NewKeyFromSeed(seed [ed25519.SeedSize]byte) SigningKey {
	return SigningKey{private: ed25519.NewKeyFromSeed(seed[:])}
}

// ParseSigningKey reads a shared secret or a private key.
func ParseSigningKey(text string) (SigningKey, error) {
	switch {
	case strings.HasPrefix(text, secretPrefix):
		return ParseSecret(text)
	case strings.HasPrefix(text, privatePrefix):
		return parsePrivate(text)
	}
	return SigningKey{}, errKey
}

// ParseSecret reads a shared secret.
func ParseSecret(text string) (SigningKey, error) {
	secret, ok := decode(text, secretPrefix)
	if !ok || len(secret) < minSecret || len(secret) > maxSecret {
		return SigningKey{}, errSecret
	}
	return SigningKey{secret: secret}, nil
}

func parsePrivate(text string) (SigningKey, error) {
	key, ok := decode(text, privatePrefix)
	if !ok || (len(key) != ed25519.SeedSize && len(key) != ed25519.PrivateKeySize) {
		return SigningKey{}, errPrivate
	}
	private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	if len(key) == ed25519.PrivateKeySize && !bytes.Equal(key, private) { // the public key is of another seed
		return SigningKey{}, errPrivate
	}
	return SigningKey{private: private}, nil
}

// Text returns the text that ParseSigningKey reads.
func (k SigningKey) Text() telemetry.Secret {
	if k.private != nil {
		return telemetry.Secret(encode(privatePrefix, k.private))
	}
	return telemetry.Secret(encode(secretPrefix, k.secret))
}

// VerifyingKey returns the key that verifies what k signs: the same secret, or the public key.
func (k SigningKey) VerifyingKey() VerifyingKey {
	if k.private != nil {
		return VerifyingKey{public: k.private.Public().(ed25519.PublicKey)}
	}
	return VerifyingKey{secret: k.secret}
}

// A VerifyingKey verifies signatures. It prints as REDACTED, because it may hold a shared secret.
type VerifyingKey struct {
	redacted
	secret []byte
	public ed25519.PublicKey
}

// ParseVerifyingKey reads a shared secret or a public key.
func ParseVerifyingKey(text string) (VerifyingKey, error) {
	if strings.HasPrefix(text, secretPrefix) {
		key, err := ParseSecret(text)
		return key.VerifyingKey(), err
	}
	public, ok := decode(text, publicPrefix)
	if !ok || len(public) != ed25519.PublicKeySize {
		return VerifyingKey{}, errPublic
	}
	return VerifyingKey{public: public}, nil
}

// Public returns the text of a public key. ok is false for a shared secret.
func (k VerifyingKey) Public() (text string, ok bool) {
	if k.public == nil {
		return "", false
	}
	return encode(publicPrefix, k.public), true
}

func encode(prefix string, key []byte) string {
	return prefix + base64.StdEncoding.EncodeToString(key)
}

// decode reads base64 behind a prefix. A key or a signature has one text: encoding/base64 alone would skip line breaks and
// unused bits.
func decode(text, prefix string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(text, prefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	return key, ok && err == nil && encode(prefix, key) == text
}

// redacted makes a struct print nothing of itself.
type redacted struct{}

const redactedText = "REDACTED"

func (redacted) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redactedText) }
func (redacted) LogValue() slog.Value         { return slog.StringValue(redactedText) }
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }
