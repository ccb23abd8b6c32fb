package sqlite

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// Server implements store.DB. The database has no server, so it is enough that it can be read.
func (db *DB) Server(ctx context.Context) (store.Server, error) {
	err := db.Read(ctx, func(r store.Reader) error {
		_, err := r.Generation("users")
		return err
	})
	return store.Server{}, err
}

// Locks implements store.DB: it finds another process that holds the lock for writes.
func (db *DB) Locks(context.Context) ([]store.Lock, error) { return writeLocks(db.writer.path) }
