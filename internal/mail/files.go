package mail

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// maxFiles is how many mails a folder keeps.
const maxFiles = 500

// Files returns the sender that writes each mail into a folder, for development. Only this user can read the files. The
// folder keeps the newest 500.
func Files(folder string) Sender { return fileSender{folder} }

type fileSender struct{ folder string }

// fileForm is the form of the name of a mail's file. Names sort by time.
var fileForm = regexp.MustCompile(`^\d{8}T\d{6}\.\d{6}Z-[0-9a-f-]{36}\.eml$`)

// send implements Sender.
func (f fileSender) send(ctx context.Context, m *outgoing) error {
	var text bytes.Buffer
	if err := m.writeTo(&text); err != nil {
		return err
	}
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return err
	}
	name := m.at.UTC().Format("20060102T150405.000000Z") + "-" + m.id + ".eml"
	if !fileForm.MatchString(name) {
		return errors.New("a letter has an invalid id")
	}
	if err := writeWhole(f.folder, name, text.Bytes()); err != nil {
		return err
	}
	return f.prune()
}

// writeWhole writes a file that has its name only when it is whole.
func writeWhole(folder, name string, text []byte) error {
	file, err := os.CreateTemp(folder, ".mail-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// prune deletes the oldest files beyond maxFiles.
func (f fileSender) prune() error {
	names, err := mailFiles(f.folder)
	if err != nil || len(names) <= maxFiles {
		return err
	}
	for _, name := range names[maxFiles:] {
		if err := os.Remove(filepath.Join(f.folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// mailFiles returns the names of the mails in a folder, the newest first.
func mailFiles(folder string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && fileForm.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, err
}
