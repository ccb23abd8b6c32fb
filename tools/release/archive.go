package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// pack returns a .tar.gz with the binary and the extras in a folder of that name. Nothing in it depends on the machine: entries
// have the time of the commit and no owner, and stand in the order of their names.
func (c *commit) pack(source, binary, name string) ([]byte, error) {
	var text bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&text, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(compressed)
	add := func(inside, file string, mode int64) error {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(name, inside), Size: int64(len(content)), Mode: mode, ModTime: c.at, Format: tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(content)
		return err
	}
	if err := add("ashlar", binary, 0o755); err != nil {
		return nil, err
	}
	for _, extra := range extras {
		err := filepath.WalkDir(filepath.Join(source, extra), func(file string, entry fs.DirEntry, err error) error { // in the order of names
			if err != nil || entry.IsDir() {
				return err
			}
			inside, err := filepath.Rel(source, file)
			return errors.Join(err, add(filepath.ToSlash(inside), file, 0o644))
		})
		if err != nil {
			return nil, err
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close()); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// unpack returns one file of a .tar.gz.
func unpack(text []byte, name string) ([]byte, error) {
	plain, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(plain)
	for {
		header, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("%s in the archive: %w", name, err)
		}
		if header.Name == name {
			return io.ReadAll(archive)
		}
	}
}
