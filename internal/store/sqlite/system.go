package sqlite

import (
	"errors"
	"fmt"
	"strconv"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// applicationID ("Ashl") marks a database as ours in its header. The header's user_version is its layout.
const applicationID = 0x4173686c

const createCounters = `CREATE TABLE ashlar_counters (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID`

const createGenerations = `CREATE TABLE ashlar_generations (
	"table"    TEXT PRIMARY KEY,
	generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID`

const insertRevision = `INSERT INTO ashlar_counters (name, value) VALUES ('revision', 0)`

// createSystemTables makes the engine's own tables in a new database.
func (c *conn) createSystemTables() error {
	if ours, err := checkHeader(c.raw); ours || err != nil {
		return err
	}
	if err := c.control("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := c.createInTransaction(); err != nil {
		return errors.Join(err, c.control("ROLLBACK"))
	}
	return c.control("COMMIT")
}

func (c *conn) createInTransaction() error {
	if ours, err := checkHeader(c.raw); ours || err != nil { // another process may have made them
		return err
	}
	for _, sql := range []string{
		createCounters,
		createGenerations,
		insertRevision,
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", store.Layout),
	} {
		if err := c.control(sql); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader reports whether the database is ours. An empty one is not ours yet. A database of another program, or of a
// later release, is an error.
func checkHeader(raw *lite.Conn) (ours bool, err error) {
	// Each pragma reads a snapshot of its own. Another process makes its objects and its header in one transaction, so
	// whoever has seen the objects sees the header.
	objects, err := pragmaInt(raw, "schema_version") // not 0 once there was an object
	if err != nil {
		return false, err
	}
	id, err := pragmaInt(raw, "application_id")
	if err != nil {
		return false, err
	}
	version, err := pragmaInt(raw, "user_version")
	if err != nil {
		return false, err
	}
	switch {
	case id == applicationID:
		return true, store.CheckLayout(version, func() string { return lastRelease(raw) })
	case objects > 0:
		return false, errors.New("it belongs to another program: name another data folder")
	}
	return false, nil
}

// selectRelease finds who changed the database last. A later layout may have no such table or column.
const selectRelease = `SELECT "value" FROM "ashlar_meta" WHERE "id" = 'release'`

// lastRelease returns who changed the database last, or "".
func lastRelease(raw *lite.Conn) string {
	stmt, _, err := raw.PrepareTransient(selectRelease)
	if err != nil {
		return ""
	}
	defer func() { _ = stmt.Finalize() }() // repeats the error of Step
	if more, err := stmt.Step(); err != nil || !more {
		return ""
	}
	return stmt.ColumnText(0)
}

func pragmaInt(raw *lite.Conn, name string) (int, error) {
	text, err := pragmaText(raw, name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}
