package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// loadPragmas returns the pragmas of a connection that loads. Its commits need not be durable, because the last commit of a
// move is one of Write. With NORMAL a power cut still leaves the file whole. A large cache keeps the pages of an index
// until they are full.
func loadPragmas() []string {
	return []string{"foreign_keys = OFF", "synchronous = NORMAL", "wal_autocheckpoint = 1000", "journal_size_limit = 67108864", "cache_size = -16384"}
}

// loadFor is longer than any load takes.
const loadFor = 1000 * time.Hour

// Load implements store.DB, on a connection of its own.
func (db *DB) Load(ctx context.Context, f func(store.Load) error) (err error) {
	c, err := openConn(db.writer.path, db.cfg)
	if err != nil {
		return describeOpenError(db.writer.path, err)
	}
	db.writer.commits.enter()
	defer db.writer.commits.leave()
	defer func() { err = errors.Join(err, c.close()) }()
	for _, pragma := range loadPragmas() {
		if _, err := pragmaText(c.raw, pragma); err != nil {
			return describeOpenError(db.writer.path, err)
		}
	}
	c.watch.Begin(ctx, time.Now().Add(loadFor))
	defer c.watch.End() // an interrupted statement has reported why
	return f(&load{ctx: ctx, c: c})
}

// load implements store.Load.
type load struct {
	ctx context.Context // of Load
	c   *conn
}

// Exec implements store.Load.
func (l *load) Exec(statements ...string) error {
	return l.transaction(func() error {
		for _, sql := range statements {
			if _, err := l.c.exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// transaction commits what f does, or undoes it if f fails.
func (l *load) transaction(f func() error) error {
	if err := l.ctx.Err(); err != nil { // a statement that ends before the watch looks is not cut short
		return err
	}
	if err := l.c.control("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = l.c.control("COMMIT")
	}
	if err != nil && !l.c.raw.AutocommitEnabled() {
		err = errors.Join(err, l.c.control("ROLLBACK"))
	}
	return err
}

// A transaction of Copy ends after so many rows or bytes of text. A larger one would make the log as large as the database.
const (
	loadRows  = 100_000
	loadBytes = 32 << 20
)

// Copy implements store.Load. What one of its transactions has committed stays.
func (l *load) Copy(create []string, into string, next func() ([]value.Value, error)) error {
	if err := l.Exec(create...); err != nil {
		return err
	}
	for more := true; more; {
		err := l.transaction(func() (err error) {
			more, err = l.copySome(into, next)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copySome copies the rows of one transaction and reports whether there may be more.
func (l *load) copySome(into string, next func() ([]value.Value, error)) (more bool, err error) {
	stmt, err := l.c.statements.take(into)
	if err != nil {
		return false, l.c.translate(err, into)
	}
	defer l.c.statements.release(stmt)
	bytes := 0
	for rows := 0; rows < loadRows && bytes < loadBytes; rows++ {
		values, err := next()
		if err != nil || values == nil {
			return false, err
		}
		if err := stmt.bind(values); err != nil {
			return false, err
		}
		if err := stmt.finish(); err != nil {
			return false, l.c.translate(err, into)
		}
		stmt.reset()
		for _, v := range values {
			bytes += len(v.Text)
		}
	}
	return true, l.ctx.Err()
}

const checkReferences = "PRAGMA foreign_key_check"

// CheckReferences implements store.Load.
func (l *load) CheckReferences() error {
	return l.c.query(checkReferences, nil, func(row value.Row) error {
		return &store.ConstraintError{Constraint: store.ForeignKey, Table: string(row.Bytes(0)),
			Cause: errors.New("a row refers to one that is not there")}
	})
}

// EngineTables implements store.DB.
func (*DB) EngineTables() []string {
	return []string{"ashlar_counters", "ashlar_generations", "ashlar_changes"}
}

const selectCounter = `SELECT value FROM ashlar_counters WHERE name = ?1`

// Numbers implements store.DB.
func (*DB) Numbers(reader store.Reader, counters []string) (store.Numbers, error) {
	read := func(name string) (last int64, err error) {
		err = reader.Query(selectCounter, []value.Value{value.OfText(name)}, func(row value.Row) error {
			last = row.Int(0)
			return nil
		})
		return last, err
	}
	numbers := store.Numbers{Counters: map[string]int64{}}
	var err error
	if numbers.Revision, err = read("revision"); err != nil {
		return numbers, err
	}
	for _, name := range counters {
		if numbers.Counters[name], err = read("next:" + name); err != nil {
			return numbers, err
		}
	}
	return numbers, nil
}

const (
	setCounter = `INSERT INTO ashlar_counters (name, value) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`
	setGeneration = `INSERT INTO ashlar_generations ("table", generation) VALUES (?1, ?2)
ON CONFLICT ("table") DO UPDATE SET generation = max(generation, excluded.generation)`
)

// SetNumbers implements store.DB. It drops the revisions that were reserved before, because loaded rows may have them.
func (db *DB) SetNumbers(tx store.Tx, numbers store.Numbers) error {
	db.writer.dropReserved()
	set := func(sql, name string, last int64) error {
		_, err := tx.Exec(sql, []value.Value{value.OfText(name), value.OfInt(last)})
		return err
	}
	if err := set(setCounter, "revision", numbers.Revision); err != nil {
		return err
	}
	for name, last := range numbers.Counters {
		if err := set(setCounter, "next:"+name, last); err != nil {
			return err
		}
	}
	for table, generation := range numbers.Generations {
		if err := set(setGeneration, table, generation); err != nil {
			return err
		}
	}
	return nil
}
