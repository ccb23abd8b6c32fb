package token

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Rotate makes the next signing key beside the first one, whose file is path. Each server that reads the folder accepts the
// key within seconds, and signs with it ten minutes later. So tokens stay good on every server. Rotate also deletes the
// keys whose last token has expired. It returns the path of the new key and the paths of the deleted ones.
//
// To end the tokens of a key that somebody else may have read, rotate and then delete its file.
func Rotate(path string, now time.Time) (made string, removed []string, err error) {
	defer errs.Wrap(&err, "auth.Rotate")
	set, err := readKeys(path)
	if err != nil {
		return "", nil, err
	}
	if len(set.keys) == 0 {
		return "", nil, fmt.Errorf("there is no signing key %s yet: the server makes it at its first start", path)
	}
	folder := filepath.Join(filepath.Dir(path), laterFolder)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("make the folder of signing keys: %w", err)
	}
	made = filepath.Join(folder, now.UTC().Format(laterName)+".pem")
	switch err := createSigningKey(made); {
	case errors.Is(err, fs.ErrExist):
		return "", nil, fmt.Errorf("the signing key %s was made in this very second", made)
	case err != nil:
		return "", nil, fmt.Errorf("make the signing key %s: %w", made, err)
	}
	_, retired := set.split(now)
	for _, key := range retired {
		if err := os.Remove(key.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return made, removed, fmt.Errorf("delete the retired signing key: %w", err)
		}
		removed = append(removed, key.path)
	}
	return made, removed, nil
}

// reloadPause is the time between two looks for new keys. It is far below overlap.
const reloadPause = 10 * time.Second

// A Watcher is a service that keeps Keys up to date with their files.
type Watcher struct {
	Keys   *Keys
	Logger *slog.Logger
}

// Run reloads the keys every ten seconds, until ctx ends. It logs a change and, once, a failure.
func (w Watcher) Run(ctx context.Context) error {
	ticks := time.NewTicker(reloadPause)
	defer ticks.Stop()
	failure := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
		before := w.Keys.set.Load()
		text := ""
		if err := w.Keys.Reload(); err != nil {
			text = err.Error()
		}
		if text != "" && text != failure {
			w.Logger.Error("the signing keys cannot be read; the former ones stay in use", "error", text)
		}
		failure = text
		if after := w.Keys.set.Load(); after != before {
			w.Logger.Info("the signing keys changed", "kids", strings.Join(after.ids(), " "))
		}
	}
}
