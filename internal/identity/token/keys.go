// Package token turns bearer tokens into callers, and signs those tokens.
package token

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

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Keys holds the Ed25519 key of a server. It signs tokens and verifies them.
type Keys struct {
	private ed25519.PrivateKey
	id      string // kid of the tokens: the RFC 7638 thumbprint of the public key
}

// Format prints REDACTED, never the key.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// maxKeyFile bounds the read bytes of a key file. Files of create have 119.
const maxKeyFile = 16 << 10

// Open loads the key from a file (PEM, PKCS #8). If the file does not exist, Open makes a key and writes it there.
// The folder must exist. Processes that do so concurrently get the same key. Open refuses a file readable by other
// users.
func Open(path string) (_ *Keys, err error) {
	defer errs.Wrap(&err, "auth.Open")
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
		return nil, errors.New("it is not a PKCS #8 key") // without the cause: it could quote the key
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

// create writes a new key to a file. It writes and syncs a draft, then links it to the path. So the file is never seen in
// part, and the link fails with fs.ErrExist if another process was first.
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

// syncFolder syncs a folder, so that a new name in it survives a power cut.
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
