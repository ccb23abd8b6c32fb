package archive

import (
	"errors"
	"io/fs"
	"os"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// OpenReader opens the archive in the file path for reads alone. A server may have it. What Take and the Put methods get is lost.
func OpenReader(path string) (_ *Archive, err error) {
	defer errs.Wrap(&err, "archive.OpenReader")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, errs.Wrapf(err, errs.NotFound, "there is no telemetry database %s: serve the app first", path)
	} else if err != nil {
		return nil, err
	}
	f := newFile(minSize)
	if err := f.openReaders(path); err != nil {
		return nil, errors.Join(err, f.close())
	}
	a := &Archive{path: path, cfg: Config{}.withDefaults(path), file: f, shown: f, closed: true}
	a.queue.init()
	a.health = health{log: a.cfg.Logger, path: path, now: a.cfg.Now, dropped: &a.queue.dropped}
	return a, nil
}
