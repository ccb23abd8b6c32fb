// Package postgres is the engine for PostgreSQL 15 and later, on which several nodes can serve one app.
package postgres

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	cfg      Config
	session  *pgx.ConnConfig // of the database itself, past a pooler
	identity string          // of the server, the database and the schema
	readers  *pool
	writers  *pool
	groups   *groups
	outage   *engine.Outage
	tally    tally
	sampled  sampled

	indexes    sync.Map // name of a unique index → []string, its columns
	counters   sync.Map // name of a counter whose sequence is there → true
	unrepeated atomic.Int64
	revisions  engine.Revisions // drawn from the sequence
	written    engine.Writes
}

var _ store.DB = (*DB)(nil)

// Open opens the database of a URL (postgres://user:password@host/name), or of libpq's keywords. It makes its own tables
// and functions if they do not exist. Other nodes may have the database open too.
func Open(ctx context.Context, url string, cfg Config) (_ *DB, err error) {
	defer func() { err = withoutSecrets(withHint(err), url, cfg.Direct) }()
	cfg = cfg.withDefaults()
	config, session, err := addresses(url, cfg.Direct)
	if err != nil {
		return nil, err
	}
	if cfg.schema != "" {
		config.RuntimeParams["search_path"], session.RuntimeParams["search_path"] = cfg.schema, cfg.schema
	}
	db := &DB{cfg: cfg, session: session}
	db.outage = engine.NewOutage(cfg.Logger, db.CheckWrites, "make room on the disk of the database server; writes then go on by themselves",
		"database", session.Database, "host", session.Host)
	if err := db.withSession(ctx, db.prepare); isPooler(err) { // a pooler refuses ownSetting
		return nil, errPooler
	} else if err != nil {
		return nil, err
	}
	if db.readers, err = newPool(config, cfg.reading(), &db.tally); err != nil {
		return nil, err
	}
	if db.writers, err = newPool(config, cfg.writing(), &db.tally); err != nil {
		return nil, errors.Join(err, db.readers.close(0))
	}
	grouping, err := newPool(config, cfg.grouping(), &db.tally)
	if err != nil {
		return nil, errors.Join(err, db.readers.close(0), db.writers.close(0))
	}
	db.groups = &groups{db: db, pool: grouping, maxSize: maxGroup}
	if err := db.reach(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

const selectIdentity = `SELECT system_identifier || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database()) || ' '
|| current_schema() FROM pg_control_system()`

var errApart = errors.New("the address of the database and its direct address lead to two databases, or to two schemas of one")

// reach makes a first connection, so that Open reports what is wrong with the address before anything is served.
func (db *DB) reach(ctx context.Context) error {
	err := db.Read(ctx, func(reader store.Reader) error {
		reader.FinalStatement()
		return reader.Query(selectIdentity, nil, func(row value.Row) error {
			if string(row.Bytes(0)) != db.identity {
				return errApart
			}
			return nil
		})
	})
	if isPooler(err) {
		return errPooler
	}
	return err
}

// mergeSettings returns the settings of both. The second ones win.
func mergeSettings(settings, others map[string]string) map[string]string {
	all := maps.Clone(settings)
	maps.Copy(all, others)
	return all
}

// prepare makes the database ours.
func (db *DB) prepare(ctx context.Context, raw *pgconn.PgConn) error {
	prepare := prepareDatabase
	if db.cfg.Existing {
		prepare = checkExisting
	}
	if err := prepare(ctx, raw); err != nil {
		return explainPrivileges(err)
	}
	if !db.cfg.Existing {
		if err := db.track(ctx, raw); err != nil {
			return explainPrivileges(err)
		}
	}
	identity, err := one(ctx, raw, selectIdentity)
	if err != nil {
		return err
	}
	db.identity = identity
	setting, err := one(ctx, raw, "SELECT current_setting('fsync') || ' ' || current_setting('synchronous_commit')")
	if err == nil && (strings.HasPrefix(setting, "off ") || strings.HasSuffix(setting, " off")) {
		db.cfg.Logger.Warn("the database server loses acknowledged writes in a power cut: set its fsync and synchronous_commit to on")
	}
	return err
}

// connectTimeout bounds the making of a connection.
const connectTimeout = 5 * time.Second

// withSession runs f on a connection of its own, to the database itself.
func (db *DB) withSession(ctx context.Context, f func(context.Context, *pgconn.PgConn) error) (err error) {
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(connecting, &db.session.Config)
	if err != nil {
		return unreachable(explainConnect(err))
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = errors.Join(err, conn.Close(closing))
	}()
	return f(ctx, conn)
}

// Close waits for the work under way and for callers that wait for a connection, then closes. It is an error if something
// is not done within Config.CloseTimeout.
func (db *DB) Close() error {
	deadline := time.Now().Add(db.cfg.CloseTimeout)
	if !db.groups.stop() || !db.writers.stop() || !db.readers.stop() {
		return engine.Closed()
	}
	db.outage.Close()
	err := db.groups.close(time.Until(deadline))
	err = errors.Join(err, db.writers.close(time.Until(deadline)))
	return errors.Join(err, db.readers.close(time.Until(deadline)))
}
