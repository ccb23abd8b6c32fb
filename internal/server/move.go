package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/move"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// MoveConfig says from where to where an app's database is moved: each is a data folder, or the address of a PostgreSQL
// database.
type MoveConfig struct {
	From, To string
	Progress move.Progress // nil: nobody looks
	Logger   *slog.Logger  // nil: nothing is logged
}

// Format and MarshalText print no address, which may hold a password.
func (MoveConfig) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "server.MoveConfig{REDACTED}")
}

// MarshalText is for logs in JSON.
func (MoveConfig) MarshalText() ([]byte, error) { return []byte("server.MoveConfig{REDACTED}"), nil }

// Moved is a move that was done.
type Moved struct {
	move.Report
	From, To Place
}

// Place is where a database is.
type Place struct {
	Folder string // "": it is in PostgreSQL
	Name   string // for people; it holds no password
}

// Key is the file of the key that signs tokens, where there is a folder.
func (p Place) Key() string { return folder{path: p.Folder}.key() }

// PlaceOf tells a folder from the address of a PostgreSQL database: a URL, or words that libpq takes in its place.
func PlaceOf(address string) (Place, error) {
	if !isDatabase(address) {
		return Place{Folder: address, Name: "the data folder " + address}, nil
	}
	name, err := postgres.Name(address)
	return Place{Name: name}, err
}

// withUser finds user:password@host, and withPassword a word that libpq takes, in what else would be the name of a folder.
var (
	withUser     = regexp.MustCompile(`^[^/]*:.*@`)
	withPassword = regexp.MustCompile(`(?i)pass\w*\s*=`)
)

// MayHoldPassword says whether a text was perhaps meant as the address of a database. It is not to be shown then.
func MayHoldPassword(text string) bool {
	return strings.Contains(text, "://") || withUser.MatchString(text) || withPassword.MatchString(text)
}

func isDatabase(address string) bool {
	name, _, words := strings.Cut(address, "=")
	return MayHoldPassword(address) || (words && !strings.ContainsAny(name, `/\.`))
}

// Move copies the database of the app in dir into an empty one (package move). What it comes to is returned with an error
// too, where the copying had begun.
func Move(ctx context.Context, dir string, cfg MoveConfig) (done Moved, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	rules, err := Load(dir)
	if err != nil {
		return done, err
	}
	for _, end := range []struct {
		address string
		place   *Place
	}{{cfg.From, &done.From}, {cfg.To, &done.To}} {
		if *end.place, err = PlaceOf(end.address); err != nil {
			return done, err
		}
	}
	if err := apart(done.From, done.To); err != nil {
		return done, err
	}
	done.Report, err = cfg.run(ctx, rules.Model, done.From, done.To)
	return done, err
}

// apart refuses to move a database onto itself.
func apart(from, to Place) error {
	same := from.Folder == "" && from.Name == to.Name
	if from.Folder != "" && to.Folder != "" {
		a, errA := os.Stat(from.Folder)
		b, errB := os.Stat(to.Folder)
		same = errA == nil && errB == nil && os.SameFile(a, b)
	}
	if same {
		return fmt.Errorf("the database would be moved onto itself: it is %s already", to.Name)
	}
	return nil
}

// run opens the source first: where there is none, nothing is made.
func (cfg MoveConfig) run(ctx context.Context, m *model.Model, from, to Place) (report move.Report, err error) {
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

// openSource opens a database that must be there. Of a data folder it takes the lock: a server would write to it.
func (cfg MoveConfig) openSource(ctx context.Context, p Place) (db store.Loader, shut func() error, err error) {
	if p.Folder == "" {
		return cfg.openDatabase(ctx, cfg.From, postgres.Config{Existing: true})
	}
	if _, err := os.Stat(filepath.Join(p.Folder, databaseFile)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, fmt.Errorf("there is no %s in it: name the folder that was served from", databaseFile)
	}
	release, err := lock(p.Folder)
	if err != nil {
		return nil, nil, err
	}
	return cfg.openFolder(ctx, folder{path: p.Folder, release: release})
}

// openTarget opens a database, and makes it where there is none.
func (cfg MoveConfig) openTarget(ctx context.Context, p Place) (db store.Loader, shut func() error, err error) {
	if p.Folder == "" {
		return cfg.openDatabase(ctx, cfg.To, postgres.Config{})
	}
	f, err := lockFolder(ctx, Config{Data: p.Folder, Logger: cfg.Logger}, 0)
	if err != nil {
		return nil, nil, err
	}
	return cfg.openFolder(ctx, f)
}

// moving is how long the one read of a source may take, and the last write to a target: about the most that PostgreSQL
// can count in milliseconds.
const moving = 500 * time.Hour

func (cfg MoveConfig) openFolder(ctx context.Context, f folder) (store.Loader, func() error, error) {
	db, err := sqlite.Open(ctx, f.database(), sqlite.Config{ReadTimeout: moving, WriteTimeout: moving, Logger: cfg.Logger})
	if err != nil {
		return nil, nil, errors.Join(err, f.unlock())
	}
	return db, func() error { return errors.Join(db.Close(), f.unlock()) }, nil
}

func (cfg MoveConfig) openDatabase(ctx context.Context, address string, c postgres.Config) (store.Loader, func() error, error) {
	c.ReadTimeout, c.WriteTimeout, c.Readers, c.Writers, c.Logger = moving, moving, 2, 2, cfg.Logger
	db, err := postgres.Open(ctx, address, c)
	if err != nil {
		return nil, nil, err
	}
	return db, db.Close, nil
}
