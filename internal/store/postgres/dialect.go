package postgres

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Dialect implements store.DB.
func (db *DB) Dialect() sqlgen.Dialect { return sqlgen.Postgres }

// Dialect implements store.Reader.
func (*reader) Dialect() sqlgen.Dialect { return sqlgen.Postgres }

// Dialect implements store.Reader.
func (*tx) Dialect() sqlgen.Dialect { return sqlgen.Postgres }

// Sweeps implements store.DB: PostgreSQL follows references however far they lead.
func (*DB) Sweeps() bool { return false }

// Sweep implements store.DB.
func (*DB) Sweep(context.Context, func(store.Tx) error) error { return errors.ErrUnsupported }

// Copies implements store.DB: a database of PostgreSQL is not a file.
func (*DB) Copies() bool { return false }

// Copy implements store.DB.
func (*DB) Copy(context.Context, string) error { return errors.ErrUnsupported }
