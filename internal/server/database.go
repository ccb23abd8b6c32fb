package server

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
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

// openPostgres opens the database of Config.Database. While the tables are made, nothing waits for a snapshot that is
// older than another node's work, and no pooler is in between, which may have deadlines of its own.
func (f folder) openPostgres(ctx context.Context, writeTimeout time.Duration) (store.DB, error) {
	address, direct := f.cfg.Database, f.cfg.Direct
	if writeTimeout == preparing {
		address, direct = cmp.Or(direct, address), ""
	}
	return postgres.Open(ctx, address, postgres.Config{
		Serializable: writeTimeout != preparing && looksAcross(f.rules),
		Direct:       direct,
		Readers:      f.cfg.Readers,
		WriteTimeout: writeTimeout,
		Logger:       f.cfg.Logger,
	})
}

// looksAcross says whether any rule or check that decides on a write looks at other rows than the one it is about.
func looksAcross(rules *rule.Rules) bool {
	across := false
	ask := func(n rule.Node) { across = across || n != nil && rule.Relates(n) }
	for _, t := range rules.Model.Tables {
		own := rules.Table(t)
		for _, n := range []rule.Node{own.Read, own.Create, own.Delete, own.UpdateFrom, own.UpdateTo} {
			ask(n)
		}
		for _, c := range own.Checks {
			ask(c.Cond)
		}
		for _, f := range t.Fields {
			ask(rules.Field(f).Read)
			ask(rules.Field(f).Write)
		}
	}
	return across
}

// openStore opens the database, where zero stands for the usual deadline of a write.
func (f folder) openStore(ctx context.Context, writeTimeout time.Duration) (store.DB, error) {
	if f.cfg.Database != "" {
		return f.openPostgres(ctx, writeTimeout)
	}
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
	if err := f.follow(ctx, db, rules); err != nil {
		return err
	}
	rows := record.New(db, rules, record.Config{Now: f.cfg.Now})
	return fill(ctx, db, rows, dir, rules.Model, f.cfg.Logger)
}
