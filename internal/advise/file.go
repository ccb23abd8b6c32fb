package advise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// usageFormat is the version of the file.
const usageFormat = 1

// usageFile is a Usage in a file.
type usageFile struct {
	Format int `json:"ashlar_usage"`
	*Usage
}

// maxUsage bounds the size of a file, in bytes.
const maxUsage = 64 << 20

// ReadUsage reads a file of WriteUsage. It returns nil if there is none.
func ReadUsage(path string) (*Usage, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxUsage {
		return nil, fmt.Errorf("%s is larger than any file of recorded queries: remove it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file := usageFile{Usage: &Usage{}}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s holds no recorded queries: %w", path, err)
	}
	if file.Format != usageFormat {
		return nil, fmt.Errorf("%s has format %d, but this release reads format %d", path, file.Format, usageFormat)
	}
	return file.Usage, nil
}

// WriteUsage replaces a file at once. Only this user may read it.
func WriteUsage(path string, usage *Usage) error {
	text, err := json.Marshal(usageFile{usageFormat, usage})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
