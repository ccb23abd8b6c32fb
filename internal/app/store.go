package app

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// prepareTime bounds a transaction before the server answers requests: a seed, an index over many rows.
const prepareTime = 24 * time.Hour

// openStore opens the database. A writeTimeout of 0 means the usual deadline of writes; prepareTime opens the database for
// changes of its tables.
func (a *App) openStore(ctx context.Context, writeTimeout time.Duration) (store.DB, error) {
	if a.cfg.Database != "" {
		db, err := a.openPostgres(ctx, writeTimeout)
		return db, explainLayout(err, a.cfg.Version)
	}
	db, err := sqlite.Open(ctx, a.folder.database(), sqlite.Config{
		Readers:      a.cfg.Readers,
		ReadTimeout:  a.readTime(),
		WriteTimeout: writeTimeout,
		Durability:   a.cfg.Durability,
		Logger:       a.cfg.Logger,
	})
	return db, explainLayout(err, a.cfg.Version)
}

// openPostgres opens the database of Config.Database. Changes of tables bypass a pooler, since it may have deadlines
// of its own. They are not serializable either, so that they do not wait for snapshots of other nodes.
func (a *App) openPostgres(ctx context.Context, writeTimeout time.Duration) (store.DB, error) {
	address, direct := a.cfg.Database, a.cfg.Direct
	if writeTimeout == prepareTime {
		address, direct = cmp.Or(direct, address), ""
	}
	return postgres.Open(ctx, address, postgres.Config{
		Serializable: writeTimeout != prepareTime && readsOtherRows(a.Rules),
		Direct:       direct,
		Readers:      a.cfg.Readers,
		ReadTimeout:  a.readTime(),
		WriteTimeout: writeTimeout,
		Logger:       a.cfg.Logger,
	})
}

// readTime returns the engine's deadline of a read. Callers whom limits.query binds have that deadline, which record keeps.
// Others may read as long as a request lasts.
func (a *App) readTime() time.Duration {
	limit := a.Rules.Model.Limits.Query
	if len(limit.Except) > 0 {
		return max(limit.Time, requestTime)
	}
	return max(limit.Time, ownReadTime)
}

const (
	requestTime = 30 * time.Second // deadline of a request: see web.Config
	ownReadTime = 5 * time.Second  // deadline of the server's own reads
)

// readsOtherRows reports whether the decision about a write may depend on other rows.
func readsOtherRows(rules *rule.Rules) bool {
	found := false
	look := func(node rule.Node) { found = found || (node != nil && rule.Relates(node)) }
	for _, table := range rules.Model.Tables {
		own := rules.Table(table)
		for _, node := range []rule.Node{own.Read, own.Create, own.Delete, own.UpdateFrom, own.UpdateTo} {
			look(node)
		}
		for _, check := range own.Checks {
			look(check.Cond)
		}
		for _, field := range table.Fields {
			look(rules.Field(field).Read)
			look(rules.Field(field).Write)
		}
	}
	return found
}

// checkWrites finds out at the start whether the database takes writes. A server with a full disk starts in spite of
// it: the engine has logged the error, and readiness reports it.
func checkWrites(ctx context.Context, db store.DB) error {
	_ = db.CheckWrites(ctx)
	return ctx.Err()
}

// explainNoRoom adds the disk and advice to the error of a full disk.
func explainNoRoom(err error, path string) error {
	if !sqlite.NoRoom(err) {
		return err
	}
	return fmt.Errorf("the disk of the data folder %s is full: make room there, then start again: %w", path, err)
}
