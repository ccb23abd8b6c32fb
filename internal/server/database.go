package server

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// preparing is how long one transaction may take before the server answers anyone: a seed, an index over many rows.
const preparing = 24 * time.Hour

// open brings the database to what the model says, fills it where it is new, and opens it for serving. The caller has
// the lock.
func (f folder) open(ctx context.Context, dir string, rules *rule.Rules) (store.DB, error) {
	if err := f.prepare(ctx, dir, rules); err != nil {
		return nil, err
	}
	return f.openStore(ctx, 0)
}

// openStore opens the database, where zero stands for the usual deadline of a write.
func (f folder) openStore(ctx context.Context, writeTimeout time.Duration) (store.DB, error) {
	return sqlite.Open(ctx, f.database(), sqlite.Config{
		Readers:      f.cfg.Readers,
		WriteTimeout: writeTimeout,
		Durability:   f.cfg.Durability,
		Logger:       f.cfg.Logger,
	})
}

func (f folder) prepare(ctx context.Context, dir string, rules *rule.Rules) (err error) {
	db, err := f.openStore(ctx, preparing)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	result, err := migrate.Apply(ctx, db, rules.Model)
	if err != nil {
		return err
	}
	for _, change := range result.Applied {
		f.cfg.Logger.Info("the database follows the model", "change", change)
	}
	rows := record.New(db, rules, record.Config{Now: f.cfg.Now})
	return fill(ctx, db, rows, dir, rules.Model, f.cfg.Logger)
}
