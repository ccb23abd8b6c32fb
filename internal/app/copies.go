package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// copiesFolder is the folder for copies of the database, in the data folder.
const copiesFolder = "copies"

const (
	copyPrefix = "before-migration-"
	copyTime   = "20060102T150405.000000Z" // of the names, which sort by it
	copySuffix = ".db"
)

// keptCopies is how many copies stay. The oldest one goes after a change for which a further copy was made.
const keptCopies = 3

// copier returns what copies a database before a change, or nil if there is no copy: the engine makes none, or the operator
// wants none. A nil progress means the log.
func (a *App) copier(db store.DB, progress migrate.Progress) func(context.Context) (string, error) {
	if !db.Copies() || a.cfg.NoCopy {
		return nil
	}
	if progress == nil {
		progress = &copyLog{log: a.cfg.Logger, now: a.cfg.Now}
	}
	return func(ctx context.Context) (string, error) { return a.copyDatabase(ctx, db, progress) }
}

// copyDatabase makes a verified copy of the database and returns its name with the time.
func (a *App) copyDatabase(ctx context.Context, db store.DB, progress migrate.Progress) (name string, err error) {
	folder := filepath.Join(a.folder.path, copiesFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	size := db.Stats().Size
	if err := a.checkCopyRoom(folder, size); err != nil {
		return "", err
	}
	name = filepath.Join(folder, copyPrefix+a.cfg.Now().UTC().Format(copyTime)+copySuffix)
	progress.Bytes("copying and checking the database", size)
	defer progress.Done()
	copied := background.Async("a copy of the database", func() error { return db.Copy(ctx, name) })
	ticks := time.NewTicker(copyPoll)
	defer ticks.Stop()
	for done := int64(0); ; {
		select {
		case err := <-copied:
			return name, err
		case <-ticks.C:
			now := sqlite.CopiedBytes(name)
			progress.Add(now - done)
			done = now
		}
	}
}

// copyPoll is the time between two looks at how far a copy is.
const copyPoll = 200 * time.Millisecond

// copySpare is room that a disk needs beside the copy, for the change itself.
const copySpare = 4 << 20

// copyRoom returns the room that a copy and the change need, in bytes. A copy is at most as large as the database.
func copyRoom(size int64) uint64 { return uint64(max(0, size)) + copySpare }

// A NoRoomError says that the disk has no room for a copy of the database.
type NoRoomError struct {
	Folder     string
	Size       int64 // of the database
	Need, Free uint64
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("the database has %s, and the disk of %s has %s left: make room until %s are free, or replace that folder by a link to one on another disk. "+
		"`ashlar migrate --no-copy` goes on without a copy: only a backup leads back then",
		disk.SizeText(uint64(max(0, e.Size))), e.Folder, disk.SizeText(e.Free), disk.SizeText(e.Need))
}

// checkCopyRoom returns a *NoRoomError if a copy would fill the disk of a folder. A system that does not tell its free room
// counts as large enough.
func (a *App) checkCopyRoom(folder string, size int64) error {
	space, err := a.cfg.spaceOf(folder)
	if err != nil || space.Free >= copyRoom(size) {
		return nil
	}
	return &NoRoomError{folder, size, copyRoom(size), space.Free}
}

// removeOldCopies removes the oldest copies after a change for which a copy was made. It removes only files with names of its
// own, so a renamed copy stays.
func (a *App) removeOldCopies(made string) {
	if made == "" {
		return
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(made), copyPrefix+"*"+copySuffix)) // sorted
	for _, name := range names[:max(0, len(names)-keptCopies)] {
		if name != made {
			err = errors.Join(err, disk.Remove(name))
		}
	}
	if err != nil {
		a.cfg.Logger.Warn("cannot remove an old copy of the database", "error", err)
	}
}

// GoBack returns the commands that put a copy in the place of the database of a data folder. The present database stays
// beside it, for what was written since.
func GoBack(copied string) []string {
	data := filepath.Dir(filepath.Dir(copied))
	when := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(copied), copyPrefix), copySuffix)
	aside := filepath.Join(data, "aside-"+when)
	return []string{
		fmt.Sprintf("mkdir %s", quoteShell(aside)),
		fmt.Sprintf("mv %s* %s", quoteShell(filepath.Join(data, databaseFile)), quoteShell(aside)),
		fmt.Sprintf("cp %s %s", quoteShell(copied), quoteShell(filepath.Join(data, databaseFile))),
	}
}

// plainPath matches paths that a shell takes as they are.
var plainPath = regexp.MustCompile(`^[\w./+:@%-]+$`)

// quoteShell quotes a path for a shell.
func quoteShell(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// copyLog tells the log how far a copy is.
type copyLog struct {
	log         *slog.Logger
	now         func() time.Time
	done, total int64
	began, said time.Time
}

// copyLogEvery is the time between two lines about one copy.
const copyLogEvery = 10 * time.Second

// Step implements migrate.Progress.
func (*copyLog) Step(string, int64) {}

// Bytes implements migrate.Progress.
func (l *copyLog) Bytes(name string, total int64) {
	l.done, l.total, l.began = 0, total, l.now()
	l.said = l.began
	l.log.Info(name, "size", disk.SizeText(uint64(max(0, total))))
}

// Add implements migrate.Progress.
func (l *copyLog) Add(n int64) {
	l.done += n
	if now := l.now(); now.Sub(l.said) >= copyLogEvery {
		l.said = now
		l.log.Info("still copying and checking the database", "copied", disk.SizeText(uint64(max(0, l.done))), "size", disk.SizeText(uint64(max(0, l.total))))
	}
}

// Done implements migrate.Progress.
func (l *copyLog) Done() {
	l.log.Info("copied the database", "seconds", l.now().Sub(l.began).Seconds())
}
