// Package sqlite is the embedded engine: a pool of readers beside one writer that commits in groups.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	cfg     Config
	readers *readers
	writer  *writer
	outage  *engine.Outage
	index   *logIndex // of the readers

	closing sync.RWMutex // held shared to read the index for Stats
	closed  bool         // the index is closed
}

var _ store.DB = (*DB)(nil)

// minVersion is the first SQLite without the WAL-reset bug, which could corrupt a database when a checkpoint ran during a
// commit.
const minVersion = 3_051_003

// Open opens the database at path, and creates it if it does not exist. Other processes may have it open too, if they use
// this package.
func Open(ctx context.Context, path string, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	if err := checkVersion(lite.VersionNumber); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path) // also keeps names such as ":memory:" from meaning anything
	if err != nil {
		return nil, err
	}
	if err := prepareFile(path, cfg.Logger); err != nil {
		return nil, err
	}
	db, err := openParts(ctx, path, cfg)
	if code := lite.ErrCode(err).ToPrimary(); code == lite.ResultFull || code == lite.ResultIOErr {
		return openAlone(ctx, path, cfg, err)
	}
	return db, err
}

// openAlone opens a database whose disk has no room even for the index of its log, a file of 32 KiB that SQLite makes at
// each start. Its rows can be read. If openAlone fails too, it returns the first error.
func openAlone(ctx context.Context, path string, cfg Config, first error) (*DB, error) {
	cfg.alone = true
	db, err := openParts(ctx, path, cfg)
	if err != nil {
		return nil, first
	}
	cfg.Logger.Warn("the index of the database's log is kept in memory: until the next start, no other command can open the database beside this one", "database", path)
	return db, nil
}

func checkVersion(number int) error {
	if number < minVersion {
		return fmt.Errorf("this program was built with SQLite %s, which can corrupt databases: build it with 3.51.3 or later", lite.Version)
	}
	return nil
}

func openParts(ctx context.Context, path string, cfg Config) (*DB, error) {
	first, err := openWriter(path, cfg)
	if err != nil {
		return nil, describeOpenError(path, err)
	}
	if err := first.createSystemTables(); err != nil {
		return nil, errors.Join(describeOpenError(path, err), first.close())
	}
	commits := new(commits)
	others := &others{begun: time.Now()}
	var index *logIndex
	if !cfg.alone { // otherwise the index is not a file
		index = openIndex(path)
	}
	pool, err := openReaders(path, cfg, commits, others, index)
	if err != nil {
		index.close()
		return nil, errors.Join(describeOpenError(path, err), first.close())
	}
	if err := ctx.Err(); err != nil {
		err = errors.Join(err, pool.close(time.Second), first.close())
		index.close()
		return nil, err
	}
	db := &DB{cfg: cfg, readers: pool, index: index}
	db.outage = engine.NewOutage(cfg.Logger, db.CheckWrites, "make room on the disk of this folder, and see that it is not read-only; writes then go on by themselves",
		"folder", filepath.Dir(path))
	db.writer = startWriter(path, cfg, first, commits, db.outage, others, index)
	return db, nil
}

// Writable implements store.DB.
func (db *DB) Writable() error { return db.outage.Err() }

// overwrite changes nothing, but is a whole write: it writes the header again. SQLite leaves out an UPDATE that gives a row the
// values that it has.
var overwrite = fmt.Sprintf("PRAGMA application_id = %d", applicationID)

// CheckWrites implements store.DB. A small write may still find room in one of SQLite's files. So CheckWrites first writes
// a file as large as a body may be, and removes it.
func (db *DB) CheckWrites(ctx context.Context) error {
	if err := tryFile(db.writer.path + probeSuffix); err != nil {
		db.outage.Failed(err)
		return errs.Wrapf(err, errs.Unavailable, "the disk takes no writes")
	}
	err := db.TryWrite(ctx)
	if err == nil {
		db.outage.Succeeded()
	}
	return err
}

// TryWrite implements store.DB.
func (db *DB) TryWrite(ctx context.Context) error {
	return db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(overwrite, nil)
		return err
	})
}

// Close lets the writer finish what is queued, waits for reads, moves the log into the database and closes. It refuses with
// errs.Unavailable what is not done within Config.CloseTimeout. A read that still runs is an error.
func (db *DB) Close() error {
	deadline := time.Now().Add(db.cfg.CloseTimeout)
	defer db.outage.Close()
	if err := db.writer.stop(deadline); err != nil {
		return err
	}
	readErr := db.readers.close(time.Until(deadline))
	err := errors.Join(readErr, db.writer.closeConn())
	if readErr == nil {
		db.closing.Lock()
		db.closed = true
		db.index.close()
		db.closing.Unlock()
	}
	return err
}

// Dialect implements store.DB.
func (*DB) Dialect() sqlgen.Dialect { return sqlgen.SQLite }
