package token

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// overlap is the time from when a key is made to when it signs. By then every server and every cache of the JWK Set
	// knows it.
	overlap = 10 * time.Minute
	// MaxTTL is the longest life of a token.
	MaxTTL = 365 * 24 * time.Hour
)

// A signingKey is a key that signs tokens, or verifies the tokens that it signed.
type signingKey struct {
	private ed25519.PrivateKey
	id      string    // kid of the tokens: the RFC 7638 thumbprint of the public key
	made    time.Time // zero for the first key
	path    string
}

func newSigningKey(private ed25519.PrivateKey) (signingKey, error) {
	public := jose.JSONWebKey{Key: private.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, fmt.Errorf("thumbprint: %w", err)
	}
	return signingKey{private: private, id: base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// A keySet holds the signing keys in use, the oldest first. Nobody changes it.
type keySet struct{ keys []signingKey }

// signer returns the key that signs at a time: the newest one that every server knows by then. If all keys are too new, the
// oldest one signs.
func (s *keySet) signer(now time.Time) signingKey {
	for i := len(s.keys) - 1; i > 0; i-- {
		if !now.Before(s.keys[i].made.Add(overlap)) {
			return s.keys[i]
		}
	}
	return s.keys[0]
}

// find returns the key with an id.
func (s *keySet) find(id string) (signingKey, bool) {
	for _, key := range s.keys {
		if key.id == id {
			return key, true
		}
	}
	return signingKey{}, false
}

func (s *keySet) ids() []string {
	ids := make([]string, len(s.keys))
	for i, key := range s.keys {
		ids[i] = key.id
	}
	return ids
}

// split returns the keys in use at a time, and the keys before them. A key goes out of use when the last token that it may
// have signed has expired.
func (s *keySet) split(now time.Time) (used, retired []signingKey) {
	first := 0
	for i := 1; i < len(s.keys); i++ {
		if lastSigned := s.keys[i].made.Add(overlap + maxSkew*time.Second); now.After(lastSigned.Add(MaxTTL)) {
			first = i
		}
	}
	return s.keys[first:], s.keys[:first]
}

const (
	laterFolder = "signing-keys"     // beside the first key
	laterName   = "20060102T150405Z" // of the file of a later key, in UTC, without .pem
)

// readKeys reads all signing keys, the oldest first. There may be none.
func readKeys(path string) (*keySet, error) {
	files := []signingKey{{path: path}}
	folder := filepath.Join(filepath.Dir(path), laterFolder)
	entries, err := os.ReadDir(folder) // sorted by name, so by time
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	for _, entry := range entries {
		name, isKey := strings.CutSuffix(entry.Name(), ".pem")
		if !isKey {
			continue // a draft
		}
		made, err := time.Parse(laterName, name)
		if err != nil {
			return nil, fmt.Errorf("the file %s has no time as its name, such as %s.pem: move it out of the folder of signing keys",
				filepath.Join(folder, entry.Name()), laterName)
		}
		files = append(files, signingKey{path: filepath.Join(folder, entry.Name()), made: made})
	}
	set := &keySet{}
	for _, file := range files {
		private, err := readSigningKey(file.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the first key was retired, or another process has just retired this one
		}
		if err != nil {
			return nil, err
		}
		key, err := newSigningKey(private)
		if err != nil {
			return nil, err
		}
		key.path, key.made = file.path, file.made
		set.keys = append(set.keys, key)
	}
	return set, nil
}

// load returns the keys in use now.
func (k *Keys) load() (*keySet, error) {
	set, err := readKeys(k.path)
	if err != nil {
		return nil, err
	}
	used, _ := set.split(k.now())
	return &keySet{used}, nil
}
