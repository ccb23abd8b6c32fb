package postgres

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// selectCatalog returns what the catalogue of PostgreSQL has in the schema $1: the table, the thing and its definition.
// Defaults are left out, since no server relies on them (sqlgen.AddColumn), and the triggers of package feed, which makes
// sure of them itself.
const selectCatalog = `
SELECT c.relname::text, 'column ' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || coalesce(' collate ' || l.collname, '') || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
WHERE c.relkind = 'r' AND c.relnamespace = $1::text::regnamespace
UNION ALL SELECT c.relname::text, 'index ' || i.relname, replace(pg_get_indexdef(x.indexrelid), $1::text || '.', '') || CASE WHEN x.indisvalid THEN '' ELSE ' invalid' END
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = $1::text::regnamespace AND NOT x.indisprimary
UNION ALL SELECT c.relname::text, 'constraint ' || o.conname || ' on ' || c.relname, replace(pg_get_constraintdef(o.oid), $1::text || '.', '')
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = $1::text::regnamespace AND o.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL SELECT c.relname::text, 'trigger ' || t.tgname || ' on ' || c.relname, replace(pg_get_triggerdef(t.oid), $1::text || '.', '') || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' disabled' END
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = $1::text::regnamespace AND NOT t.tgisinternal AND t.tgname NOT IN ('ashlar_watched', 'ashlar_watched_all')`

// Catalogs returns the definitions of the database by object, and the definitions that new tables of the model have.
// It makes these tables in a schema of their own, reads both catalogues, and rolls back.
func (Engine) Catalogs(session store.Session, m *model.Model, skip []string) (got, want map[string]string, err error) {
	err = session.Transaction(func() (err error) {
		own := ""
		if err := session.Query(`SELECT quote_ident(current_schema())`, nil, func(row value.Row) error {
			own = string(row.Bytes(0))
			return nil
		}); err != nil {
			return err
		}
		if got, err = readCatalog(session, own, skip); err != nil {
			return err
		}
		made := append([]string{`CREATE SCHEMA "ashlar_verify"`, `SET LOCAL search_path = "ashlar_verify", ` + own}, sqlgen.Create(sqlgen.Postgres, m)...)
		for _, sql := range made {
			if _, err := session.Exec(sql, nil); err != nil {
				return err
			}
		}
		if want, err = readCatalog(session, "ashlar_verify", nil); err != nil {
			return err
		}
		return errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return got, want, err
}

// errLooked makes the session roll back the schema that was only made to be looked at.
var errLooked = errors.New("the schema for comparison is rolled back")

func readCatalog(session store.Session, namespace string, skip []string) (map[string]string, error) {
	objects := map[string]string{}
	err := session.Query(selectCatalog, []value.Value{value.OfText(namespace)}, func(row value.Row) error {
		if !slices.Contains(skip, string(row.Bytes(0))) {
			objects[string(row.Bytes(1))] = string(row.Bytes(2))
		}
		return nil
	})
	return objects, err
}
