package token

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Import copies keys from a folder, such as a secret that a cluster mounts or a credential of systemd, into the folder of path,
// the file of the first signing key. Such folders cannot be written, and clusters let a group read their files, which Open
// refuses. A key that is there already stays. If the folder has another key by that name, Import fails: the servers of one
// database would refuse each other's tokens.
func Import(folder, path string) (err error) {
	defer errs.Wrap(&err, "auth.Import")
	entries, err := os.ReadDir(filepath.Join(folder, laterFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the folder of keys: %w", err)
	}
	own := filepath.Dir(path)
	imported := 0
	names := []string{secretName, filepath.Base(path)} // the secret key first: Open derives a missing one from the signing key
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".pem") {
			names = append(names, filepath.Join(laterFolder, entry.Name()))
		}
	}
	if len(names) > 2 {
		if err := os.Mkdir(filepath.Join(own, laterFolder), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make the folder of signing keys: %w", err)
		}
	}
	for _, name := range names {
		kind := signingFile
		if name == secretName {
			kind = secretFile
		}
		switch err := kind.copyTo(filepath.Join(own, name), filepath.Join(folder, name)); {
		case err == nil:
			imported++
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if imported == 0 {
		return fmt.Errorf("the folder of keys %s has none: put %s there, and %s if there is one", folder, filepath.Base(path), secretName)
	}
	return nil
}

// copyTo writes the key of the file from to a new file. It returns fs.ErrNotExist if there is no such key.
func (kind keyFile) copyTo(path, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("open the %s: %w", kind.name, err)
	}
	defer f.Close()
	content, err := kind.parse(from, f)
	if err != nil {
		return err
	}
	err = kind.create(path, content)
	if !errors.Is(err, fs.ErrExist) {
		if err != nil {
			return fmt.Errorf("copy the %s to %s: %w", kind.name, path, err)
		}
		return nil
	}
	have, err := kind.read(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, content) {
		return fmt.Errorf("the %s %s is another one than %s: remove the one that is not that of the other servers", kind.name, path, from)
	}
	return nil
}
