package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// checkExisting returns an error where the database is not ours yet.
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

// Name is what the database of an address is called for people: without the user and the password.
func Name(address string) (string, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return "", badAddress("address", err)
	}
	host := config.Host
	if !strings.HasPrefix(host, "/") {
		host = fmt.Sprintf("%s:%d", host, config.Port)
	}
	return "the PostgreSQL database " + config.Database + " on " + host, nil
}
