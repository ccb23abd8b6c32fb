// Package auth turns credentials into callers.
package auth

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-jose/go-jose/v4"
)

// Keys is the server's own Ed25519 key, with which it signs tokens and knows them again.
type Keys struct {
	private ed25519.PrivateKey
	id      string // RFC 7638 thumbprint of the public key: the kid of our tokens
}

// Format prints that this is a key, never the key.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// maxKeyFile bounds what is read of a key file, in bytes. Ours have 119.
const maxKeyFile = 16 << 10

// Open loads the key from a file (PEM, PKCS #8), or makes a key and the file where there is none. Its folder must
// exist. Of several processes that make it at once, all get the same key. A file that others may read is refused.
func Open(path string) (*Keys, error) {
	k, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the signing key %s: %w", path, err)
	}
	return load(path)
}

func load(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the signing key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the signing key %s is not a plain file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the signing key %s is open to other users of this machine (mode %04o), who could sign tokens with it: "+
			"if nobody has read it, run chmod 600 %s; otherwise delete it, and all tokens end", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	k, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the signing key %s is damaged: %w; restore it from a backup, or delete it, and all tokens end", path, err)
	}
	return k, nil
}

func parse(text []byte) (*Keys, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one PEM block of type PRIVATE KEY")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is not a PKCS #8 key") // the cause could quote it
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an Ed25519 key")
	}
	return newKeys(private)
}

func newKeys(private ed25519.PrivateKey) (*Keys, error) {
	public := jose.JSONWebKey{Key: private.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("thumbprint: %w", err)
	}
	return &Keys{private: private, id: base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// create makes a key file that is whole from the moment it has its name: it is written and synced under another, then
// linked, which fails with fs.ErrExist where somebody else was first.
func create(path string) (err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	draft := path + "." + rand.Text()
	defer os.Remove(draft)
	if err := writeSynced(draft, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return err
	}
	if err := os.Link(draft, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a new name in a folder survive a power cut.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
