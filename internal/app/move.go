package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/move"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// MoveConfig configures Move. From and To are each a data folder or the address of a PostgreSQL database.
type MoveConfig struct {
	From, To string
	Progress move.Progress // default: none
	Logger   *slog.Logger  // default: no log
}

// Format prints no address, which may hold a password.
func (MoveConfig) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "app.MoveConfig{REDACTED}")
}

// MarshalText is Format for logs in JSON.
func (MoveConfig) MarshalText() ([]byte, error) { return []byte("app.MoveConfig{REDACTED}"), nil }

// Moved is the outcome of Move.
type Moved struct {
	move.Report
	From, To Location
}

// Move copies the database of an app into an empty one. If the copying had begun, it returns its outcome with an error
// too. See package move.
func Move(ctx context.Context, loaded *Loaded, cfg MoveConfig) (moved Moved, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if moved.From, err = Locate(cfg.From); err != nil {
		return moved, err
	}
	if moved.To, err = Locate(cfg.To); err != nil {
		return moved, err
	}
	if err := checkDistinct(moved.From, moved.To); err != nil {
		return moved, err
	}
	moved.Report, err = cfg.run(ctx, loaded.Rules.Model, moved.From, moved.To)
	return moved, err
}

// checkDistinct refuses to move a database onto itself.
func checkDistinct(from, to Location) error {
	same := from.Folder == "" && from.Name == to.Name
	if from.Folder != "" && to.Folder != "" {
		a, errA := os.Stat(from.Folder)
		b, errB := os.Stat(to.Folder)
		same = errA == nil && errB == nil && os.SameFile(a, b)
	}
	if same {
		return fmt.Errorf("source and target are the same: %s", to.Name)
	}
	return nil
}

// run opens the source first. If that fails, it makes no target.
func (cfg MoveConfig) run(ctx context.Context, m *model.Model, from, to Location) (report move.Report, err error) {
	source, closeSource, err := cfg.openSource(ctx, from)
	if err != nil {
		return report, fmt.Errorf("the source, %s: %w", from.Name, err)
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	target, closeTarget, err := cfg.openTarget(ctx, to)
	if err != nil {
		return report, fmt.Errorf("the target, %s: %w", to.Name, err)
	}
	defer func() { err = errors.Join(err, closeTarget()) }()
	return move.Run(ctx, m, source, target, move.Config{From: from.Name, Progress: cfg.Progress})
}

// openSource opens an existing database. It locks a data folder, since a server would write to it.
func (cfg MoveConfig) openSource(ctx context.Context, p Location) (db store.DB, shut func() error, err error) {
	if p.Folder == "" {
		return cfg.openDatabase(ctx, cfg.From, postgres.Config{Existing: true})
	}
	if _, err := os.Stat(filepath.Join(p.Folder, databaseFile)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, fmt.Errorf("there is no %s in it: name a data folder that a server used", databaseFile)
	}
	release, err := lock(p.Folder)
	if err != nil {
		return nil, nil, err
	}
	return cfg.openFolder(ctx, folder{path: p.Folder, release: release})
}

// openTarget opens a database, and makes it if there is none.
func (cfg MoveConfig) openTarget(ctx context.Context, p Location) (db store.DB, shut func() error, err error) {
	if p.Folder == "" {
		return cfg.openDatabase(ctx, cfg.To, postgres.Config{})
	}
	f, err := openFolder(ctx, Config{Data: p.Folder, Logger: cfg.Logger}, 0)
	if err != nil {
		return nil, nil, err
	}
	return cfg.openFolder(ctx, f)
}

// moveTime bounds the one read of a source and the last write to a target. PostgreSQL cannot count many more
// milliseconds.
const moveTime = 500 * time.Hour

func (cfg MoveConfig) openFolder(ctx context.Context, f folder) (store.DB, func() error, error) {
	db, err := sqlite.Open(ctx, f.database(), sqlite.Config{ReadTimeout: moveTime, WriteTimeout: moveTime, Logger: cfg.Logger})
	if err != nil {
		return nil, nil, errors.Join(err, f.unlock())
	}
	return db, func() error { return errors.Join(db.Close(), f.unlock()) }, nil
}

func (cfg MoveConfig) openDatabase(ctx context.Context, address string, c postgres.Config) (store.DB, func() error, error) {
	c.ReadTimeout, c.WriteTimeout, c.Readers, c.Writers, c.Logger = moveTime, moveTime, 2, 2, cfg.Logger
	db, err := postgres.Open(ctx, address, c)
	if err != nil {
		return nil, nil, err
	}
	return db, db.Close, nil
}
