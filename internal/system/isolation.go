package system

import (
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const readCommitted = `SET TRANSACTION ISOLATION LEVEL READ COMMITTED`

// ReadCommitted lowers the isolation of a transaction in which no rule decides, before its first statement. Rules that look
// at other rows need SERIALIZABLE on PostgreSQL. There a transaction that waits for a lock fails once the other one
// commits. With 24 writers at the head of the audit log, a third of them failed even after 16 attempts. A transaction of
// the system locks what it decides on instead.
func ReadCommitted(tx store.Tx) error {
	if tx.Dialect() != sqlgen.Postgres {
		return nil
	}
	_, err := tx.Exec(readCommitted, nil)
	return err
}
