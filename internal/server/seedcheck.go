package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// CheckSeed says what is wrong with the seed of the app in dir, as SeedFaults, and returns how many files it has. It
// loads them as a first start would, into a SQLite database in a temporary folder, which it removes.
func CheckSeed(ctx context.Context, dir string, rules *rule.Rules) (files int, err error) {
	seeds, err := FindSeeds(dir, rules.Model)
	if err != nil || len(seeds) == 0 {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "ashlar-check-")
	if err != nil {
		return 0, fmt.Errorf("the seed is checked in a temporary folder, which cannot be made: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	db, err := sqlite.Open(ctx, filepath.Join(folder, "check.db"), sqlite.Config{
		WriteTimeout: preparing, Durability: sqlite.Normal, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{}); err != nil {
		return 0, err
	}
	rows := record.New(db, rules, record.Config{})
	s := &seeder{ctx: ctx, files: seeds}
	err = db.Write(ctx, func(tx store.Tx) error {
		s.begin(rows.In(tx))
		if err := s.load(); err != nil {
			return err
		}
		return errChecked
	})
	if errors.Is(err, errChecked) {
		err = nil
	}
	return len(seeds), err
}

// errChecked takes the rows back: nobody will read them.
var errChecked = errors.New("the seed was checked")
