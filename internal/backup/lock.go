package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Identities are secret keys of age, which unlock backups.
type Identities []*age.X25519Identity

// ReadIdentities reads a file as age-keygen writes it: a secret key in each line, and comments.
func ReadIdentities(path string) (all Identities, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(io.LimitReader(file, 1<<20))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, err := age.ParseX25519Identity(line)
		if err != nil { // the error may repeat the line
			return nil, fmt.Errorf("%s:%d: this is no key of age: a line begins with AGE-SECRET-KEY-1, as age-keygen writes it", path, n)
		}
		all = append(all, identity)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no key of age: a line begins with AGE-SECRET-KEY-1, as age-keygen writes it", path)
	}
	return all, nil
}

// lock is the recipients of a backup.
type lock []age.Recipient

// parseRecipients reads recipients, and returns their fingerprints too.
func parseRecipients(texts []string) (to lock, fingerprints []string, err error) {
	for _, text := range texts {
		recipient, err := age.ParseX25519Recipient(text)
		switch {
		case strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY-"):
			return nil, nil, errors.New("a backup is locked with a public key of age, which begins with age1: this is a secret one. Keep it away from this machine")
		case err != nil:
			return nil, nil, fmt.Errorf("%q is no public key of age: it begins with age1, as age-keygen prints it", text)
		}
		to = append(to, recipient)
		fingerprints = append(fingerprints, fingerprint([]byte(recipient.String())))
	}
	return to, fingerprints, nil
}

// fingerprint returns enough of a SHA-256 to tell keys apart.
func fingerprint(data []byte) string { return digest(data)[:32] }

// seal returns a writer that locks what is written, or passes it on if there is no recipient.
func (l lock) seal(w io.Writer) (io.WriteCloser, error) {
	if len(l) == 0 {
		return unlocked{w}, nil
	}
	return age.Encrypt(w, l...)
}

type unlocked struct{ io.Writer }

func (unlocked) Close() error { return nil }

// unlock returns a reader of what seal wrote.
func (keys Identities) unlock(m Manifest, r io.Reader) (io.Reader, error) {
	if len(m.Lock) == 0 {
		return r, nil
	}
	var all []age.Identity
	for _, key := range keys {
		all = append(all, key)
	}
	return age.Decrypt(r, all...)
}

// check refuses keys that do not unlock a backup.
func (keys Identities) check(m Manifest) error {
	if len(m.Lock) == 0 {
		return nil
	}
	var have []string
	for _, key := range keys {
		have = append(have, fingerprint([]byte(key.Recipient().String())))
	}
	switch {
	case slices.ContainsFunc(have, func(one string) bool { return slices.Contains(m.Lock, one) }):
		return nil
	case len(have) == 0:
		return errs.New(errs.Forbidden, "the backup %s is locked: give the file with the secret key by --key", m.ID)
	}
	return errs.New(errs.Forbidden, "the key is a wrong one: the backup %s is locked for %s, and the key file has %s (fingerprints of the public keys)",
		m.ID, strings.Join(m.Lock, ", "), strings.Join(have, ", "))
}
