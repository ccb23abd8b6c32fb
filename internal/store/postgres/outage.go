package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Errors of the server about its disk: it is full, or it failed.
const (
	diskFull = "53100"
	ioError  = "58030"
)

// fullRetryAfter is when a client should ask again after the disk took no write. Somebody has to make room first.
const fullRetryAfter = 10 * time.Second

// ofDisk reports whether the server says that its disk is full or failed.
func ofDisk(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == diskFull || e.Code == ioError)
}

// diskError is the error of a statement for which the server's disk has no room. outcome says what became of a write.
func diskError(err error, outcome string) error {
	failed := &errs.Error{Kind: errs.Unavailable, Message: "the disk of the database server failed" + outcome, RetryAfter: fullRetryAfter, Cause: err}
	if refusal, _ := errors.AsType[*pgconn.PgError](err); refusal.Code == diskFull {
		failed.Message = "the disk of the database server is full" + outcome
	}
	return failed
}

// wrote reports the result of a write to the outage, and returns the error for its caller. The server answers COMMIT with
// an error only if it has rolled back. Otherwise it ends the connection.
func (db *DB) wrote(err error) error {
	switch {
	case err == nil:
		db.outage.Succeeded()
	case ofDisk(err) && errs.KindOf(err) == errs.Unavailable:
		refusal, _ := errors.AsType[*pgconn.PgError](err)
		db.outage.Failed(refusal)
		return diskError(refusal, ": nothing was written")
	}
	return err
}

// Writable implements store.DB.
func (db *DB) Writable() error { return db.outage.Err() }

// overwrite changes nothing, but is a whole write.
const overwrite = `UPDATE ashlar_engine SET layout = layout`

// CheckWrites implements store.DB.
func (db *DB) CheckWrites(ctx context.Context) error { return db.TryWrite(ctx) }

// TryWrite implements store.DB.
func (db *DB) TryWrite(ctx context.Context) error {
	return db.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(overwrite, nil)
		return err
	})
}
