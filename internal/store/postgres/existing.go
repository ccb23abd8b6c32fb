package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// checkExisting returns an error if the database is not ours yet.
func checkExisting(ctx context.Context, raw *pgconn.PgConn) error {
	if err := checkServer(raw); err != nil {
		return err
	}
	ours, err := checkLayout(ctx, raw)
	if err == nil && !ours {
		err = ErrNotOurs
	}
	return err
}

// ErrNotOurs is the error of Config.Existing about a database that holds no app.
var ErrNotOurs = errors.New("it holds no app: nothing was ever served from it")
