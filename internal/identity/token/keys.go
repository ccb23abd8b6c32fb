// Package token turns bearer tokens into callers, and signs those tokens.
//
// A server has signing keys and a secret key. The signing keys come and go: see Rotate. The secret key stays, since Derive
// and Seal use it for what must outlive any signing key. The files are, in the data folder:
//
//	signing-key.pem                    the first signing key
//	signing-keys/20261127T085200Z.pem  a later one; the name is the time when Rotate made it
//	secret-key.pem                     the secret key
package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Keys holds the keys of a server. It is safe for concurrent use.
type Keys struct {
	path   string // of the first signing key
	secret [32]byte
	now    func() time.Time
	set    atomic.Pointer[keySet]
}

// Format prints REDACTED, never a key.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// Open loads the keys. path is the file of the first signing key (PEM, PKCS #8), and the other files stand in its folder.
// Open makes a first signing key and a secret key if there is none. Processes that do so concurrently get the same keys.
// The folder must exist. Open refuses files that other users could read.
func Open(path string) (_ *Keys, err error) {
	defer errs.Wrap(&err, "auth.Open")
	k := &Keys{path: path, now: time.Now}
	set, err := k.load()
	if err != nil {
		return nil, err
	}
	if len(set.keys) == 0 {
		if err := createSigningKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the signing key %s: %w", path, err)
		}
		if set, err = k.load(); err != nil {
			return nil, err
		}
	}
	k.set.Store(set)
	if k.secret, err = openSecret(path, set.keys[0]); err != nil {
		return nil, err
	}
	return k, nil
}

// Reload reads the signing keys again. After an error, the former keys stay in use.
func (k *Keys) Reload() (err error) {
	defer errs.Wrap(&err, "auth.Reload")
	set, err := k.load()
	if err != nil {
		return err
	}
	if len(set.keys) == 0 {
		return fmt.Errorf("the signing keys are gone: there is neither %s nor another key", k.path)
	}
	if !slices.Equal(set.ids(), k.set.Load().ids()) { // a Verifier forgets all tokens when the set changes
		k.set.Store(set)
	}
	return nil
}

// secretName is the name of the file of the secret key.
const secretName = "secret-key.pem"

// openSecret loads the secret key beside the first signing key. If there is none, openSecret derives it from that signing key
// and writes it. So servers that share the signing key, as they did before there were secret keys, all get the same one.
func openSecret(first string, oldest signingKey) (secret [32]byte, err error) {
	path := filepath.Join(filepath.Dir(first), secretName)
	text, err := secretFile.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if oldest.path != first {
			return secret, fmt.Errorf("the secret key %s is missing: copy it from another server or from a backup, "+
				"since sealed secrets in the database need it", path)
		}
		if err := createSecret(path, oldest); err != nil && !errors.Is(err, fs.ErrExist) {
			return secret, fmt.Errorf("make the secret key %s: %w", path, err)
		}
		text, err = secretFile.read(path)
	}
	if err != nil {
		return secret, err
	}
	if len(text) != len(secret) {
		return secret, secretFile.spoilt(path, fmt.Errorf("it has %d bytes, not %d", len(text), len(secret)))
	}
	return [32]byte(text), nil
}

func createSecret(path string, from signingKey) error {
	secret, err := hkdf.Key(sha256.New, from.private.Seed(), nil, "ashlar secret key", 32)
	if err != nil {
		return err
	}
	return secretFile.create(path, secret)
}
