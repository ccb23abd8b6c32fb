package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const indexColumns = `SELECT a.attname::text FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = i.indexrelid
WHERE n.nspname = $1::text AND c.relname = $2::text AND a.attnum <= i.indnkeyatts
ORDER BY a.attnum`

// resolve fills in the columns of a unique constraint. They are asked for on another connection, since a transaction
// that was refused answers nothing more, and then known for good.
func (db *DB) resolve(refusal *store.ConstraintError) error {
	e, _ := errors.AsType[*pgconn.PgError](refusal.Cause)
	key := e.SchemaName + "." + e.ConstraintName
	if columns, known := db.indexes.Load(key); known {
		refusal.Columns = columns.([]string)
		return nil
	}
	var columns []string
	args := []value.Value{value.OfText(e.SchemaName), value.OfText(e.ConstraintName)}
	err := db.Read(context.Background(), func(r store.Reader) error {
		columns = nil
		return r.Query(indexColumns, args, func(row value.Row) error {
			columns = append(columns, string(row.Bytes(0)))
			return nil
		})
	})
	if err != nil || len(columns) == 0 {
		return err // an index that is not committed yet is not seen there
	}
	db.indexes.Store(key, columns)
	refusal.Columns = columns
	return nil
}
