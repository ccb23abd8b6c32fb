package system

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// lockAgainstMigrations is the lock of store/postgres.tryAlter. A transaction holds it until it ends.
const lockAgainstMigrations = `SELECT pg_advisory_xact_lock(1634955112, 0)`

// LockAgainstMigrations waits until no other node changes tables or is in a transaction that called it. SQLite needs no
// such lock, since it has one writer.
func LockAgainstMigrations(tx store.Tx) error {
	if tx.Dialect() != sqlgen.Postgres {
		return nil
	}
	_, err := hasRow(tx, lockAgainstMigrations)
	return err
}

// CheckNotMoving returns an errs.Conflict if a move has not finished filling the database.
func CheckNotMoving(querier Querier) error {
	from, moving, err := Get(querier, movingKey)
	if err == nil && moving {
		err = errs.New(errs.Conflict, "the database is incomplete: a move from %s into it was interrupted or still goes on. Run the same `ashlar move` again, which starts over", from)
	}
	return err
}

// IsMoving reports whether the database has the mark of a move.
func IsMoving(querier Querier) (bool, error) {
	_, moving, err := Get(querier, movingKey)
	return moving, err
}

// MarkMoving marks the database as the target of a move. from names the source for people.
func MarkMoving(tx store.Tx, from string, now time.Time) error { return Set(tx, movingKey, from, now) }

// UnmarkMoving removes the mark of MarkMoving.
func UnmarkMoving(tx store.Tx) error {
	tx.MarkChanged(MetaTable)
	_, err := tx.Exec(deleteMeta, []value.Value{value.OfText(movingKey)})
	return err
}
