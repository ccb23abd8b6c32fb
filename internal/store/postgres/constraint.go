package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// indexColumns selects the columns of an index. For a key that is an expression, it selects the column that the expression
// uses.
const indexColumns = `SELECT a.attname::text FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = CASE WHEN k.attnum > 0 THEN k.attnum ELSE
(SELECT min(d.refobjsubid) FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0) END
WHERE n.nspname = $1::text AND c.relname = $2::text AND k.place <= i.indnkeyatts
ORDER BY k.place`

// resolve fills in the columns of a unique constraint, and remembers them. It asks on another connection, because a
// transaction that was refused answers nothing more.
func (db *DB) resolve(refusal *store.ConstraintError) error {
	failed, _ := errors.AsType[*pgconn.PgError](refusal.Cause)
	key := failed.SchemaName + "." + failed.ConstraintName
	if columns, known := db.indexes.Load(key); known {
		refusal.Columns = columns.([]string)
		return nil
	}
	var columns []string
	args := []value.Value{value.OfText(failed.SchemaName), value.OfText(failed.ConstraintName)}
	err := db.Read(context.Background(), func(reader store.Reader) error {
		columns = nil
		return reader.Query(indexColumns, args, func(row value.Row) error {
			columns = append(columns, string(row.Bytes(0)))
			return nil
		})
	})
	if err != nil || len(columns) == 0 {
		return err // the other connection does not see an index that is not committed yet
	}
	db.indexes.Store(key, columns)
	refusal.Columns = columns
	return nil
}
