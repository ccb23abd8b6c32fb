package feed

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	keepAge   = 24 * time.Hour
	keepRows  = 1_000_000
	trimBatch = 10_000 // rows of one transaction
)

// The statements delete the oldest rows. $1 is the number of rows to look at, $2 the time before which a row is old, $3 how many
// rows are kept. They never delete the last row: the newest position names it.
const (
	trimSQLite = `DELETE FROM "ashlar_changes" WHERE id < (SELECT max(id) FROM (SELECT id, at FROM "ashlar_changes" ORDER BY id LIMIT $1)
WHERE at < $2 OR id <= (SELECT max(id) FROM "ashlar_changes") - $3)`

	// On PostgreSQL the rows of a transaction go together. The oldest transaction that is left says which positions are too
	// old.
	trimPostgres = `DELETE FROM ashlar_changes WHERE xid < (SELECT max(xid) FROM (SELECT xid, seq, at FROM ashlar_changes ORDER BY xid, seq LIMIT $1::bigint) AS oldest
WHERE at < $2::timestamptz OR seq <= (SELECT max(seq) FROM ashlar_changes) - $3::bigint)`
)

// Trim deletes the changes that are older than a day, and the oldest of more than a million, in bounded batches. It
// returns how many it has deleted.
func (l *Log) Trim(ctx context.Context, at time.Time) (deleted int64, err error) {
	defer errs.Wrap(&err, "feed.Trim")
	return l.trim(ctx, at.Add(-keepAge), keepRows, trimBatch)
}

func (l *Log) trim(ctx context.Context, before time.Time, rows, batch int64) (deleted int64, err error) {
	sql := trimSQLite
	if l.db.Dialect() == sqlgen.Postgres {
		sql = trimPostgres
	}
	args := []value.Value{value.OfInt(batch), value.OfTimestamp(before.UnixMicro()), value.OfInt(rows)}
	for {
		n := int64(0)
		err := l.db.Write(ctx, func(tx store.Tx) (err error) {
			n, err = tx.Exec(sql, args)
			return err
		})
		deleted += n
		if err != nil || n == 0 {
			return deleted, err
		}
	}
}
