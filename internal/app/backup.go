package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/backup"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/move"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// scratchFolder is the folder for copies that a backup is made of, below the data folder.
const scratchFolder = "scratch"

// BackupSource returns the database of an app for backup.Take. Of the configuration it needs Data, Database, Direct and
// Logger.
func BackupSource(appName string, cfg Config) backup.Source {
	source := backup.Source{
		Engine: "sqlite", App: appName, Keys: cfg.Data, Scratch: filepath.Join(cfg.Data, scratchFolder), Open: openBackup,
		Copy: func(ctx context.Context, path string, p backup.Progress, rest func()) error {
			return copyFolder(ctx, cfg.Data, path, p, rest)
		},
	}
	if cfg.Database != "" {
		source.Engine = "postgres"
		source.Copy = func(ctx context.Context, path string, p backup.Progress, rest func()) error {
			return copyDatabase(ctx, cfg, path, resting{p, rest})
		}
	}
	return source
}

// copyFolder copies the database of a data folder, whether a server has it open or not.
func copyFolder(ctx context.Context, data, path string, p backup.Progress, rest func()) error {
	database := filepath.Join(data, databaseFile)
	if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) {
		return errs.New(errs.NotFound, "there is no %s in %s: name the data folder of a server with --data, or its database with --database", databaseFile, data)
	}
	last := int64(0)
	return sqlite.CopyPages(ctx, database, path, func(done, total int64) {
		if last == 0 {
			p.Step("copying the database", total*pageKiB)
		}
		p.Add((done - last) * pageKiB)
		last = done
		rest()
	})
}

// pageKiB is the size of SQLite's pages, for the progress.
const pageKiB = 4

// resting is a Progress that rests.
type resting struct {
	backup.Progress
	rest func()
}

// Add implements backup.Progress.
func (r resting) Add(n int64) {
	r.Progress.Add(n)
	r.rest()
}

// copyDatabase moves one snapshot of a PostgreSQL database into a new SQLite database.
func copyDatabase(ctx context.Context, cfg Config, path string, p backup.Progress) (err error) {
	mover := MoveConfig{Logger: cfg.Logger}
	from, closeFrom, err := mover.openDatabase(ctx, cmp.Or(cfg.Direct, cfg.Database), postgres.Config{Existing: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeFrom()) }()
	m, err := storedModel(ctx, from)
	if err != nil {
		return err
	}
	to, closeTo, err := mover.openFile(ctx, path)
	if err != nil {
		return err
	}
	_, err = move.Run(ctx, m, from, to, move.Config{From: "a backup", Progress: p, Online: true})
	return errors.Join(err, closeTo())
}

// storedModel returns the model that a database was last served with.
func storedModel(ctx context.Context, db store.DB) (m *model.Model, err error) {
	err = db.Read(ctx, func(reader store.Reader) error {
		text, found, err := system.Get(reader, system.ModelKey)
		if err == nil && !found {
			err = errs.New(errs.Conflict, "the database holds no app: nothing was ever served from it")
		}
		if err == nil {
			m, err = snapshot.Decode([]byte(text))
		}
		return err
	})
	return m, err
}

func openBackup(path string) (backup.Copy, error) { return sqlite.Inspect(path, false) }

// BackupFolder returns an empty data folder for backup.Restore.
func BackupFolder(appName, path string) backup.Destination {
	return backup.Destination{App: appName, Folder: path, Open: openBackup, Lock: func() (func() error, error) { return lock(path) }}
}

// BackupDestination returns where the database of an app goes to, for backup.Restore. Of the configuration it needs Data,
// Database, Direct and Logger.
func BackupDestination(appName string, cfg Config) backup.Destination {
	if cfg.Database == "" {
		return BackupFolder(appName, cfg.Data)
	}
	mover := MoveConfig{Logger: cfg.Logger}
	address := cmp.Or(cfg.Direct, cfg.Database)
	return backup.Destination{
		App: appName, Folder: cfg.Data, Open: openBackup,
		Empty: func(ctx context.Context) (err error) {
			db, shut, err := mover.openDatabase(ctx, address, postgres.Config{})
			if err != nil {
				return err
			}
			return errors.Join(refuseUsed(ctx, db), shut())
		},
		Fill: func(ctx context.Context, path string, p backup.Progress) (err error) {
			from, closeFrom, err := mover.openFile(ctx, path)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeFrom()) }()
			m, err := storedModel(ctx, from)
			if err != nil {
				return err
			}
			to, closeTo, err := mover.openDatabase(ctx, address, postgres.Config{})
			if err != nil {
				return err
			}
			_, err = move.Run(ctx, m, from, to, move.Config{From: "a backup", Progress: p})
			return errors.Join(err, closeTo())
		},
	}
}

// refuseUsed refuses a database with tables, unless an interrupted move or restore left them.
func refuseUsed(ctx context.Context, db store.DB) error {
	return db.Read(ctx, func(reader store.Reader) error {
		moving, err := system.IsMoving(reader)
		if err != nil || moving {
			return err
		}
		names, err := system.TableNames(reader)
		if err != nil {
			return err
		}
		engine := map[string]bool{}
		for _, name := range db.EngineTables() {
			engine[name] = true
		}
		var used []string
		for _, name := range names {
			if !engine[name] {
				used = append(used, name)
			}
		}
		if len(used) > 0 {
			return errs.New(errs.Conflict, "the database is not empty: it holds the tables %s. A restore fills only an empty database", strings.Join(used[:min(5, len(used))], ", "))
		}
		return nil
	})
}

// openFile opens a SQLite database that no server knows.
func (cfg MoveConfig) openFile(ctx context.Context, path string) (store.DB, func() error, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Config{ReadTimeout: moveTime, WriteTimeout: moveTime, Logger: cfg.Logger})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return db, db.Close, nil
}

// Served reports whether a server of this machine has a data folder open.
func Served(data string) bool {
	by, err := sqlite.Server(data)
	return err == nil && by != ""
}
