package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

// A keyFile is a kind of file with a key in it.
type keyFile struct {
	name  string // for messages
	block string // type of the PEM block
	// What to say of a file that others could read, and of one that is damaged.
	exposed, damaged string
}

var (
	signingFile = keyFile{
		name: "signing key", block: "PRIVATE KEY",
		exposed: "who could sign tokens with it: if nobody has read it, run chmod 600 %s; otherwise delete it, and all tokens end",
		damaged: "restore it from a backup, or delete it, and all tokens end",
	}
	secretFile = keyFile{
		name: "secret key", block: "ASHLAR SECRET KEY",
		exposed: "who could read sealed secrets with it: run chmod 600 %s",
		damaged: "restore it from a backup or from another server, since sealed secrets in the database need it",
	}
)

// maxKeyFile bounds the read bytes of a key file. Files of create have 119.
const maxKeyFile = 16 << 10

// read returns the content of the PEM block in a file. It refuses a file that other users could read.
func (kind keyFile) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the %s: %w", kind.name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the %s: %w", kind.name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the %s %s is not a plain file", kind.name, path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the %s %s is open to other users of this machine (mode %04o), "+kind.exposed,
			kind.name, path, info.Mode().Perm(), path)
	}
	return kind.parse(path, f)
}

// parse returns the content of the one PEM block of a file.
func (kind keyFile) parse(path string, from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", kind.name, err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind.block || len(bytes.TrimSpace(rest)) > 0 {
		return nil, kind.spoilt(path, fmt.Errorf("it is not one PEM block of type %s", kind.block))
	}
	return block.Bytes, nil
}

// spoilt returns the error for a damaged file.
func (kind keyFile) spoilt(path string, cause error) error {
	return fmt.Errorf("the %s %s is damaged: %w; %s", kind.name, path, cause, kind.damaged)
}

// create writes a new file. It writes and syncs a draft, then links it to the path. So the file is never seen in part, and
// the link fails with fs.ErrExist if another process was first.
func (kind keyFile) create(path string, content []byte) error {
	draft := path + "." + rand.Text()
	defer os.Remove(draft)
	if err := writeSynced(draft, pem.EncodeToMemory(&pem.Block{Type: kind.block, Bytes: content})); err != nil {
		return err
	}
	if err := os.Link(draft, path); err != nil {
		return err
	}
	return disk.SyncFolder(filepath.Dir(path))
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// readSigningKey reads an Ed25519 key (PKCS #8).
func readSigningKey(path string) (ed25519.PrivateKey, error) {
	der, err := signingFile.read(path)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, signingFile.spoilt(path, errors.New("it is not a PKCS #8 key")) // without the cause: it could quote the key
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, signingFile.spoilt(path, errors.New("it is not an Ed25519 key"))
	}
	return private, nil
}

// createSigningKey writes a new key.
func createSigningKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	return signingFile.create(path, der)
}
