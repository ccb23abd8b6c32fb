package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A keyFile is a key of the server in its data folder.
type keyFile struct {
	name string // below the folder, with a slash
	data []byte
}

// keyNames matches the names that package identity/token gives.
var keyNames = regexp.MustCompile(`^(signing-key|secret-key|signing-keys/[0-9A-Za-z-]+)\.pem$`)

// secretKey seals second factors and secrets of webhooks. Nothing opens them without it.
const secretKey = "secret-key.pem"

const (
	laterKeys   = "signing-keys"
	maxKeyFile  = 64 << 10
	maxKeyFiles = 1000
)

// readKeys reads the keys of a data folder, sorted by name.
func readKeys(folder string) (all []keyFile, err error) {
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, dir := range []string{".", laterKeys} {
		entries, err := fs.ReadDir(root.FS(), dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			name := filepath.ToSlash(filepath.Join(dir, entry.Name()))
			if !keyNames.MatchString(name) {
				continue
			}
			data, err := root.ReadFile(filepath.FromSlash(name))
			if err != nil {
				return nil, err
			}
			all = append(all, keyFile{name, data})
		}
	}
	slices.SortFunc(all, func(a, b keyFile) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return all, nil
}

// fingerprints returns what a manifest says of keys.
func fingerprints(files []keyFile) (all []Key) {
	for _, f := range files {
		all = append(all, Key{f.name, fingerprint(f.data)})
	}
	return all
}

// packKeys writes keys as a tar file.
func packKeys(w io.Writer, files []keyFile) error {
	archive := tar.NewWriter(w)
	for _, f := range files {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o600, Size: int64(len(f.data))}); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	return archive.Close()
}

// unpackKeys reads what packKeys wrote. It refuses links, other names and whatever the manifest does not name.
func unpackKeys(m Manifest, r io.Reader) (all []keyFile, err error) {
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errs.Wrapf(err, errs.Invalid, "the keys of the backup %s cannot be read", m.ID)
		}
		if header.Typeflag != tar.TypeReg || !keyNames.MatchString(header.Name) || header.Size > maxKeyFile || len(all) == maxKeyFiles {
			return nil, errs.New(errs.Invalid, "the keys of the backup %s hold %q, which is no key of a server", m.ID, header.Name)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, errs.Wrapf(err, errs.Invalid, "the keys of the backup %s cannot be read", m.ID)
		}
		all = append(all, keyFile{header.Name, data})
	}
	if !slices.Equal(fingerprints(all), m.Keys) {
		return nil, errs.New(errs.Invalid, "the keys of the backup %s are not the ones that its manifest names", m.ID)
	}
	return all, nil
}

// checkKeys refuses a folder whose keys would not fit a backup. With another secret key nobody could open what is sealed
// in the database. A backup that brings its own keys does not replace others.
func checkKeys(folder string, m Manifest) error {
	have, err := readKeys(folder)
	if err != nil {
		return fmt.Errorf("the keys of the data folder: %w", err)
	}
	brings := len(m.parts(partKeys)) > 0
	for _, there := range fingerprints(have) {
		at := slices.IndexFunc(m.Keys, func(k Key) bool { return k.Name == there.Name })
		switch {
		case at >= 0 && m.Keys[at] == there:
		case brings:
			return errs.New(errs.Conflict, "the data folder %s has another %s than the backup %s brings: move it away, or name another folder", folder, there.Name, m.ID)
		case at >= 0 && there.Name == secretKey:
			return errs.New(errs.Conflict, "the data folder %s has another %s than the backup %s was taken with: second factors and sealed secrets would be lost. Bring the old file", folder, secretKey, m.ID)
		}
	}
	return nil
}

// MissingKeys names the keys of a backup that a data folder does not have.
func MissingKeys(folder string, m Manifest) (names []string) {
	have, _ := readKeys(folder) // a folder that cannot be read has none
	there := fingerprints(have)
	for _, k := range m.Keys {
		if !slices.Contains(there, k) {
			names = append(names, k.Name)
		}
	}
	return names
}
