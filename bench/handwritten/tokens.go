package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// tokens knows the bearers of tokens: an EdDSA signature over the id of the user and the expiry, remembered once verified.
type tokens struct {
	public ed25519.PublicKey
	mu     sync.RWMutex
	known  map[[sha256.Size]byte]claims
}

type claims struct {
	ID     string `json:"sub"`
	Expiry int64  `json:"exp"`
}

const maxKnown = 10_000

func openTokens(path string) (*tokens, error) {
	seed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	return &tokens{public: private.Public().(ed25519.PublicKey), known: map[[sha256.Size]byte]claims{}}, nil
}

// bearer returns the id of the user, or "" without a valid token.
func (t *tokens) bearer(r *http.Request) string {
	header := r.Header["Authorization"]
	if len(header) != 1 || !strings.HasPrefix(header[0], "Bearer ") {
		return ""
	}
	token := header[0][len("Bearer "):]
	var room [1024]byte
	if len(token) > len(room) {
		return ""
	}
	key := sha256.Sum256(room[:copy(room[:], token)])
	t.mu.RLock()
	claims, ok := t.known[key]
	t.mu.RUnlock()
	if !ok {
		if claims, ok = t.verify(token); !ok {
			return ""
		}
		t.remember(key, claims)
	}
	if time.Now().Unix() >= claims.Expiry {
		return ""
	}
	return claims.ID
}

func (t *tokens) remember(key [sha256.Size]byte, c claims) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[key] = c
}

func (t *tokens) verify(token string) (c claims, ok bool) {
	payload, signature, ok := strings.Cut(token, ".")
	if !ok {
		return c, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(sig) != ed25519.SignatureSize || !ed25519.Verify(t.public, []byte(payload), sig) {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	return c, err == nil && json.Unmarshal(text, &c) == nil
}
