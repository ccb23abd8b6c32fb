package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// The files of a data folder, beside those that SQLite adds.
const (
	databaseFile = "ashlar.db"
	keyFile      = "signing-key.pem"
	ignoreFile   = ".gitignore"
)

// folder is a data folder that exists and that nobody else may read.
type folder struct {
	path    string
	cfg     Config
	rules   *rule.Rules  // of the app, before its rows are opened
	release func() error // of its lock; nil where another process has it, and where the rows are elsewhere
}

// unlock lets others serve the folder.
func (f folder) unlock() error {
	if f.release == nil {
		return nil
	}
	return f.release()
}

func (f folder) database() string { return filepath.Join(f.path, databaseFile) }
func (f folder) key() string      { return filepath.Join(f.path, keyFile) }

// lockPause is how long to wait before the lock is asked for again.
const lockPause = 50 * time.Millisecond

// lockFolder prepares the data folder and makes this process the only server on it. Where another is, and stays for as
// long as the patience lasts, the error is a *sqlite.InUseError.
func lockFolder(ctx context.Context, cfg Config, patience time.Duration) (folder, error) {
	f := folder{path: cfg.Data, cfg: cfg}
	if MayHoldPassword(cfg.Data) {
		return f, errors.New("the data folder (--data) is written as the address of a database: give that with --database")
	}
	if err := prepareFolder(cfg.Data, cfg.Logger); err != nil {
		return f, err
	}
	if cfg.Database != "" { // the folder holds the key alone, which the nodes of an app share
		return f, nil
	}
	for deadline := time.Now().Add(patience); ; {
		var err error
		if f.release, err = lock(cfg.Data); err == nil {
			f.clean()
		}
		if _, inUse := errors.AsType[*sqlite.InUseError](err); !inUse || time.Now().After(deadline) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// clean removes what a process left in the folder that was killed, or had no room, while it copied the database.
func (f folder) clean() {
	if err := sqlite.RemoveUnfinished(filepath.Join(f.path, copiesFolder)); err != nil {
		f.cfg.Logger.Warn("what is left of an interrupted copy of the database cannot be removed", "error", err)
	}
}

// noRoom says of an error that comes from a full disk where that is, and what to do.
func noRoom(err error, path string) error {
	if !sqlite.NoRoom(err) {
		return err
	}
	return fmt.Errorf("the disk of the data folder %s is full: make some room there, then start again: %w", path, err)
}

// checkWrites finds out at the start whether the database takes writes. Where its disk is full it is served all the same:
// the engine has logged that, and readiness says it.
func checkWrites(ctx context.Context, db store.DB) error {
	if file, embedded := db.(*sqlite.DB); embedded {
		_ = file.CheckWrites(ctx)
	}
	return ctx.Err()
}

// lock is sqlite.Lock that says what to do where the folder cannot be written to.
func lock(path string) (release func() error, err error) {
	release, err = sqlite.Lock(path)
	if advice := rights(err); advice != "" {
		err = fmt.Errorf("%w%s", err, advice)
	}
	return release, err
}

// prepareFolder makes the data folder, or makes sure that nobody but this user gets into an existing one.
func prepareFolder(path string, log *slog.Logger) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if made := makeFolder(path); !errors.Is(made, fs.ErrExist) {
			return made
		}
		info, err = os.Stat(path) // another server has made it meanwhile
	}
	switch {
	case err != nil:
		return fmt.Errorf("the data folder: %w%s", err, rights(err))
	case !info.IsDir():
		return fmt.Errorf("the data folder %s is a file: name another", path)
	case runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0:
		return nil
	}
	return closeFolder(path, info.Mode().Perm(), log)
}

// rights says what to do where err is that this user may not.
func rights(err error) string {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return "; name another with --data, or run this as the user who may write there"
	}
	return ""
}

// makeFolder makes a folder that only this user can enter. It holds keys and rows, which belong in no repository.
func makeFolder(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w%s", err, rights(err))
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w%s", err, rights(err))
	}
	if err := os.WriteFile(filepath.Join(path, ignoreFile), []byte("*\n"), 0o600); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w%s", err, rights(err))
	}
	return nil
}

// closeFolder takes the rights of others from a folder of ours. A folder with other things in it was named by mistake:
// its rights are not ours to take.
func closeFolder(path string, mode fs.FileMode, log *slog.Logger) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("the data folder: %w%s", err, rights(err))
	}
	if _, err := os.Stat(filepath.Join(path, databaseFile)); err != nil && len(entries) > 0 {
		return fmt.Errorf("the data folder %s holds other things and is open to other users (mode %04o): name a folder of its own", path, mode)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("the data folder %s is open to other users (mode %04o): %w", path, mode, err)
	}
	log.Warn("the data folder was open to other users and is closed now", "folder", path, "mode", fmt.Sprintf("%04o", mode))
	return nil
}
