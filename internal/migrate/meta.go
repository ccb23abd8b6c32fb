package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// dialectOf is how the tables of a database are defined, which an engine that is not SQLite says itself.
func dialectOf(database any) ddl.Dialect {
	if d, ok := database.(interface{ Dialect() ddl.Dialect }); ok {
		return d.Dialect()
	}
	return ddl.SQLite
}

// MetaTable is the table that holds what a database knows of itself.
const MetaTable = "ashlar_meta"

const (
	createMeta = `CREATE TABLE IF NOT EXISTS "ashlar_meta" ("key" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL)`
	selectMeta = `SELECT "value" FROM "ashlar_meta" WHERE "key" = $1`
	upsertMeta = `INSERT INTO "ashlar_meta" ("key", "value") VALUES ($1, $2) ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value"`

	// lockAlone is held until the transaction ends.
	lockAlone = `SELECT pg_advisory_xact_lock(1634955112, 0)`
)

// strict is what SQLite's tables end with, so that it refuses values of other types.
const strict = " STRICT"

// metaOf is the statement that makes ashlar_meta.
func metaOf(d ddl.Dialect) string {
	if d == ddl.SQLite {
		return createMeta + strict
	}
	return createMeta
}

// Meta returns what SetMeta stored under the key, and whether it did. A database that was never migrated has nothing.
func Meta(r store.Reader, key string) (text string, found bool, err error) { return meta(r, key) }

func meta(r querier, key string) (text string, found bool, err error) {
	migrated, err := hasRow(r, ddl.HasTable(dialectOf(r)), value.OfText(MetaTable))
	if err != nil || !migrated {
		return "", false, err
	}
	err = r.Query(selectMeta, []value.Value{value.OfText(key)}, func(row value.Row) error {
		text, found = string(row.Bytes(0)), true
		return nil
	})
	return text, found, err
}

// SetMeta stores a text under a key, in the place of an earlier one. The database is one that Apply has seen.
func SetMeta(tx store.Tx, key, text string) error {
	_, err := tx.Exec(upsertMeta, []value.Value{value.OfText(key), value.OfText(text)})
	return err
}

// hasRow says whether a query has a row.
func hasRow(r querier, sql string, args ...value.Value) (found bool, err error) {
	err = r.Query(sql, args, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}
