package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Copies implements store.DB.
func (*DB) Copies() bool { return true }

// Copy implements store.DB.
func (db *DB) Copy(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	unfinished := path + unfinishedSuffix
	defer func() {
		if err != nil {
			err = errors.Join(err, removeUnfinished(unfinished))
		}
	}()
	if err := removeUnfinished(unfinished); err != nil { // remains of an interrupted copy
		return err
	}
	rows, err := db.vacuumInto(ctx, unfinished)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	if err := checkCopy(ctx, unfinished, rows); err != nil {
		return fmt.Errorf("the copy of the database: %w", err)
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return disk.SyncFolder(filepath.Dir(path))
}

const unfinishedSuffix = ".unfinished"

// CopiedBytes returns how large the unfinished copy of Copy(path) is. While SQLite checks the whole copy, it grows no more.
func CopiedBytes(path string) int64 { return max(0, fileSize(path+unfinishedSuffix)) }

// removeUnfinished removes an unfinished copy, and the journal that SQLite kept for it.
func removeUnfinished(path string) (err error) {
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
		if e := os.Remove(path + suffix); !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// RemoveUnfinished removes the remains of interrupted copies from a folder. Nobody may copy into the folder at the same
// time.
func RemoveUnfinished(folder string) (err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if name, _, found := strings.Cut(e.Name(), unfinishedSuffix); found && name != "" {
			err = errors.Join(err, removeUnfinished(filepath.Join(folder, name+unfinishedSuffix)))
		}
	}
	return err
}

// vacuumInto copies one snapshot into a file, and returns the number of rows of each table in it. It returns nil if
// somebody wrote in the meantime, because VACUUM reads a snapshot of its own. SQLite attaches the file, which our other
// connections may not do.
func (db *DB) vacuumInto(ctx context.Context, path string) (rows map[string]int64, err error) {
	if err := makeFile(path); err != nil { // SQLite would let others read it
		return nil, err
	}
	c, err := openConn(db.writer.path, db.cfg, "synchronous = FULL")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	c.raw.Limit(lite.LimitAttached, 1)
	c.watch.Begin(ctx, time.Now().Add(forever))
	defer c.watch.End()
	before, err := pragmaInt(c.raw, "data_version")
	if err != nil {
		return nil, err
	}
	if rows, err = c.countRows(); err != nil {
		return nil, err
	}
	if err := c.vacuumInto(path); err != nil {
		return nil, err
	}
	after, err := pragmaInt(c.raw, "data_version")
	if before != after {
		rows = nil
	}
	return rows, err
}

const selectCounted = `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`

// countRows counts the rows of each table.
func (c *conn) countRows() (map[string]int64, error) {
	var tables []string
	err := c.query(selectCounted, nil, func(row value.Row) error {
		tables = append(tables, string(row.Bytes(0)))
		return nil
	})
	rows := map[string]int64{}
	for _, table := range tables {
		if err == nil {
			err = c.query("SELECT count(*) FROM "+sqlgen.Quote(table), nil, func(row value.Row) error {
				rows[table] = row.Int(0)
				return nil
			})
		}
	}
	return rows, err
}

func (c *conn) vacuumInto(path string) error {
	stmt, err := c.statements.take("VACUUM INTO ?1")
	if err != nil {
		return c.translate(err, "VACUUM INTO")
	}
	defer c.statements.release(stmt)
	if err := stmt.bind([]value.Value{value.OfText(path)}); err != nil {
		return err
	}
	if err := stmt.finish(); err != nil {
		return c.translate(err, "VACUUM INTO")
	}
	return nil
}

// makeFile makes an empty file that only this user reads.
func makeFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// checkCopy reads a whole copy and reports what is wrong with it. rows are the rows that each table has to have, or nil if
// that is not known. Nobody else has the copy open.
func checkCopy(ctx context.Context, path string, rows map[string]int64) (err error) {
	raw, err := lite.OpenConn(path, lite.OpenReadOnly)
	if err != nil {
		return err
	}
	c := &conn{raw: raw, statements: newStatements(raw), watch: newWatch(raw)}
	defer func() { err = errors.Join(err, c.close()) }()
	if ours, err := checkHeader(raw); err != nil || !ours {
		return errors.Join(errors.New("it is no database of ours"), err)
	}
	c.watch.Begin(ctx, time.Now().Add(forever))
	defer c.watch.End()
	var found []string
	err = c.query("PRAGMA integrity_check(3)", nil, func(row value.Row) error {
		found = append(found, string(row.Bytes(0)))
		return nil
	})
	if err == nil && (len(found) != 1 || found[0] != "ok") {
		err = fmt.Errorf("integrity_check says %q", found)
	}
	if err != nil || rows == nil {
		return err
	}
	copied, err := c.countRows()
	if err == nil && !maps.Equal(copied, rows) {
		err = fmt.Errorf("its tables have %v rows, and the tables of the database %v", copied, rows)
	}
	return err
}
