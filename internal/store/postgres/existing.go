package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// checkExisting returns an error if the database is not ours yet.
func checkExisting(ctx context.Context, c *pgconn.PgConn) error {
	if err := checkServer(c); err != nil {
		return err
	}
	ours, err := checkLayout(ctx, c)
	if err == nil && !ours {
		err = errors.New("it holds no app: nothing was ever served from it")
	}
	return err
}
