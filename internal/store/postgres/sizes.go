package postgres

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// selectSizes asks the file system of the server, and reads no row.
const selectSizes = `SELECT relname, pg_table_size(oid)::bigint, pg_indexes_size(oid)::bigint FROM pg_class
WHERE relkind IN ('r', 'p', 'm') AND relnamespace = current_schema()::regnamespace ORDER BY relname COLLATE "C"`

// Sizes implements store.DB. The rest has the catalogs of the server, and other schemas.
func (db *DB) Sizes(ctx context.Context) (sizes store.Sizes, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		sizes = store.Sizes{}
		err := r.Query(selectSizes, nil, func(row value.Row) error {
			table := store.TableSize{Table: string(row.Bytes(0)), Rows: row.Int(1), Indexes: row.Int(2)}
			sizes.Tables = append(sizes.Tables, table)
			return nil
		})
		if err != nil {
			return err
		}
		return r.Query(selectSize, nil, func(row value.Row) error {
			sizes.Rest = max(0, row.Int(0)-sizes.Total())
			return nil
		})
	})
	return sizes, err
}
