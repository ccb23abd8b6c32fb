package sqlite

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// Write implements store.DB. It hands f to the writer and waits for the commit.
func (db *DB) Write(ctx context.Context, f func(store.Tx) error) error {
	return db.write(ctx, f, false)
}

// Sweeps implements store.DB: SQLite refuses to follow a chain of more than 1,000 references.
func (*DB) Sweeps() bool { return true }

// Sweep implements store.DB.
func (db *DB) Sweep(ctx context.Context, f func(store.Tx) error) error {
	return db.write(ctx, f, true)
}

func (db *DB) write(ctx context.Context, f func(store.Tx) error, sweeps bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := newJob(ctx)
	j.run, j.sweeps = f, sweeps
	return db.writer.submit(j)
}

// Script implements store.DB. The caller's goroutine makes the script, from a revision that is reserved already. So the writer
// only binds values and runs statements. In a process that has just started no revision is reserved: the function reserves
// some.
func (db *DB) Script(ctx context.Context, write func(revision int64) (*store.Script, error)) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	revision, ok := db.writer.spare.Take()
	if !ok {
		return false, nil
	}
	script, err := write(revision)
	if script == nil || err != nil {
		db.writer.spare.PutBack(revision)
		return false, err
	}
	j := newJob(ctx)
	j.script = script
	if err := db.writer.submit(j); err != errRefused {
		return err == nil, err
	}
	return false, nil
}
