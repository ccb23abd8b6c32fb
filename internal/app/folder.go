package app

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

	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// The files of a data folder. SQLite adds more.
const (
	databaseFile = "ashlar.db"
	keyFile      = "signing-key.pem"
	ignoreFile   = ".gitignore"
)

// KeyFiles names the keys in a data folder, for people. Servers of one database share them.
const KeyFiles = "signing-key.pem, secret-key.pem and signing-keys (if it is there)"

// A folder is a data folder. Only this user may read it.
type folder struct {
	path    string
	release func() error // releases the lock; nil without a lock
}

// unlock lets other processes serve the folder.
func (f folder) unlock() error {
	if f.release == nil {
		return nil
	}
	return f.release()
}

func (f folder) database() string { return filepath.Join(f.path, databaseFile) }
func (f folder) key() string      { return filepath.Join(f.path, keyFile) }

// objectives returns the file with the history of the objectives on a node.
func (f folder) objectives(node string) string { return f.own("objectives", node) }

// limits returns the file with what the quotas of a node have counted.
func (f folder) limits(node string) string { return f.own("limits", node) }

// watch returns the file with what the next process on a node compares with.
func (f folder) watch(node string) string { return f.own("watch", node) }

// own returns the name of a file of a node. On PostgreSQL nodes may share the folder.
func (f folder) own(name, node string) string {
	if f.release != nil {
		return filepath.Join(f.path, name)
	}
	return filepath.Join(f.path, name+"-"+filepath.Base(node))
}

// openFolder prepares the data folder. If it holds the database, openFolder locks it too.
func openFolder(ctx context.Context, cfg Config, patience time.Duration) (folder, error) {
	if MayHoldPassword(cfg.Data) {
		return folder{}, errors.New("the data folder (--data) looks like the address of a database: give that with --database")
	}
	if err := prepareFolder(cfg.Data, cfg.Logger); err != nil {
		return folder{}, err
	}
	if cfg.Database != "" { // only the key is here, shared by all nodes
		return folder{path: cfg.Data}, nil
	}
	return lockFolder(ctx, cfg.Data, patience, cfg.Logger)
}

// lockPause is the time between two attempts to lock.
const lockPause = 50 * time.Millisecond

// lockFolder makes this process the only server on a folder. If another process keeps the lock for longer than patience,
// the error is a *sqlite.InUseError.
func lockFolder(ctx context.Context, path string, patience time.Duration, log *slog.Logger) (folder, error) {
	f := folder{path: path}
	for deadline := time.Now().Add(patience); ; {
		var err error
		if f.release, err = lock(path); err == nil {
			f.clean(log)
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

// clean removes unfinished copies of the database, left by a killed process.
func (f folder) clean(log *slog.Logger) {
	if err := sqlite.RemoveUnfinished(filepath.Join(f.path, copiesFolder)); err != nil {
		log.Warn("cannot remove an unfinished copy of the database", "error", err)
	}
}

// lock is sqlite.Lock with advice for a folder that this user cannot write to.
func lock(path string) (release func() error, err error) {
	release, err = sqlite.Lock(path)
	if advice := permissionAdvice(err); advice != "" {
		err = fmt.Errorf("%w%s", err, advice)
	}
	return release, err
}

// prepareFolder makes the data folder. It closes an existing one to other users.
func prepareFolder(path string, log *slog.Logger) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if made := makeFolder(path); !errors.Is(made, fs.ErrExist) {
			return made
		}
		info, err = os.Stat(path) // another server was faster
	}
	switch {
	case err != nil:
		return fmt.Errorf("the data folder: %w%s", err, permissionAdvice(err))
	case !info.IsDir():
		return fmt.Errorf("the data folder %s is a file: name a folder with --data", path)
	case runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0:
		return nil
	}
	return closeFolder(path, info.Mode().Perm(), log)
}

// permissionAdvice returns what to do if err says that this user lacks permission.
func permissionAdvice(err error) string {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return "; name another folder with --data, or run this as a user who may write there"
	}
	return ""
}

// makeFolder makes a folder that only this user can enter. A .gitignore keeps its keys and rows out of repositories.
func makeFolder(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make the data folder: %w%s", err, permissionAdvice(err))
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w%s", err, permissionAdvice(err))
	}
	if err := os.WriteFile(filepath.Join(path, ignoreFile), []byte("*\n"), 0o600); err != nil {
		return fmt.Errorf("cannot make the data folder: %w%s", err, permissionAdvice(err))
	}
	return nil
}

// closeFolder takes the permissions of other users from a data folder. It leaves any other folder alone, since
// somebody named it by mistake.
func closeFolder(path string, mode fs.FileMode, log *slog.Logger) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("the data folder: %w%s", err, permissionAdvice(err))
	}
	if _, err := os.Stat(filepath.Join(path, databaseFile)); err != nil && len(entries) > 0 {
		return fmt.Errorf("the data folder %s holds other files and is open to other users (mode %04o): name a folder of its own with --data", path, mode)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("the data folder %s is open to other users (mode %04o): %w", path, mode, err)
	}
	log.Warn("the data folder was open to other users: closed it", "folder", path, "mode", fmt.Sprintf("%04o", mode))
	return nil
}
