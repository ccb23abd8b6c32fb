package feed

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// sqliteLog is the log on SQLite. It has one writer, so its numbers are in the order of the commits. mark is random: a
// position names a row by its number and its mark. So a position of another copy of the database is found out.
type sqliteLog struct{}

const createLogSQLite = `CREATE TABLE IF NOT EXISTS ashlar_changes (
	id      INTEGER PRIMARY KEY,
	"table" TEXT NOT NULL,
	"row"   TEXT NOT NULL,
	op      TEXT NOT NULL,
	mark    INTEGER NOT NULL,
	at      INTEGER NOT NULL
) STRICT`

// insertSQLite adds a change. The numbers go on from the last row, which is never deleted.
const insertSQLite = `INSERT INTO "ashlar_changes" ("table", "row", op, mark, at) `

// marked are the values of mark and at.
const markedSQLite = `random(), CAST(unixepoch('subsec') * 1000000 AS INTEGER)`

func (sqliteLog) setUp(store.Session) ([]string, error) { return []string{createLogSQLite}, nil }

func (sqliteLog) triggers(table string) (all []trigger) {
	for _, event := range []struct{ on, op, row string }{{"INSERT", "c", "NEW"}, {"UPDATE", "u", "NEW"}, {"DELETE", "d", "OLD"}} {
		name := sqlgen.Fit("ashlar_watched_" + strings.ToLower(event.on) + "__" + table)
		all = append(all, trigger{name, table, "CREATE TRIGGER " + sqlgen.Quote(name) + " AFTER " + event.on + " ON " + sqlgen.Quote(table) +
			" BEGIN\n  " + insertSQLite + "VALUES (" + quoteText(table) + ", CAST(" + event.row + `."id" AS TEXT), ` + quoteText(event.op) + ", " + markedSQLite + ");\nEND"})
	}
	return all
}

func (sqliteLog) selectTriggers() string {
	return `SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'ashlar_watched_*'`
}

func (sqliteLog) drop(t trigger) string { return "DROP TRIGGER " + sqlgen.Quote(t.name) }

func (sqliteLog) start() string {
	return insertSQLite + `SELECT '', '', 's', ` + markedSQLite + ` WHERE NOT EXISTS (SELECT 1 FROM "ashlar_changes")`
}

func (sqliteLog) everything() string {
	return insertSQLite + "VALUES ('', '', '*', " + markedSQLite + ")"
}

func (sqliteLog) selectLog() string {
	return `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'ashlar_changes'`
}

func (sqliteLog) sameText() bool { return true }

// quoteText returns a text as an SQL literal.
func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
