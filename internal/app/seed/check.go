package seed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// checkTime bounds the one transaction of a check.
const checkTime = 24 * time.Hour

// Check loads the seed of the app in dir like a first start, into a SQLite database in a temporary folder, and removes the
// folder. It returns the number of the files. If the seed is faulty, the error is Faults.
func Check(ctx context.Context, dir string, rules *rule.Rules) (files int, err error) {
	found, err := Find(dir, rules.Model)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	folder, err := os.MkdirTemp("", "ashlar-check-")
	if err != nil {
		return 0, fmt.Errorf("cannot make a temporary folder to check the seed in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	db, err := sqlite.Open(ctx, filepath.Join(folder, "check.db"), sqlite.Config{
		WriteTimeout: checkTime, Durability: sqlite.Normal, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{}); err != nil {
		return 0, err
	}
	rows := record.New(db, rules, record.Config{})
	loader := &loader{ctx: ctx, files: found}
	err = db.Write(ctx, func(tx store.Tx) error {
		if err := loader.load(tx, rows); err != nil {
			return err
		}
		return errChecked
	})
	if errors.Is(err, errChecked) {
		err = nil
	}
	return len(found), err
}

// errChecked rolls the rows back: nobody will read them.
var errChecked = errors.New("the seed was checked")
