package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Each caller has a session, as a user who signed in has one. So the figures hold the check of the session in each request.
// The id of a user is the id of the account and of the session too. LATER is a time far away.
var sessionRows = []string{
	`INSERT INTO ashlar_accounts (id, kind, user_id, roles, verified, created_at, updated_at, _rev)
SELECT id, 'user', id, '[]', TRUE, created_at, updated_at, 1 FROM users`,
	`INSERT INTO ashlar_sessions (id, account_id, stamp, counter, used, methods, mfa, since, address, agent, cookie, seen_at, idle_at, ends_at, created_at, updated_at, _rev)
SELECT id, id, 1, 1, 0, '["password"]', FALSE, created_at, '127.0.0.1', '', FALSE, created_at, LATER, LATER, created_at, updated_at, 1 FROM users`,
}

// hasSessions reports whether the Ashlar of a checkout knows sessions.
func hasSessions(checkout string) bool {
	_, err := os.Stat(filepath.Join(checkout, "internal", "identity", "account"))
	return err == nil
}

// fillSessions adds the sessions to a database of SQLite.
func fillSessions(path string) (err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, sql := range sessionRows {
		if err := sqlitex.ExecuteTransient(conn, strings.ReplaceAll(sql, "LATER", "4102444800000000"), nil); err != nil {
			return err
		}
	}
	return sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(TRUNCATE)", nil)
}

// fillPostgresSessions adds the sessions to a database of PostgreSQL.
func fillPostgresSessions(ctx context.Context, url string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, sql := range sessionRows {
		if _, err := conn.Exec(ctx, strings.ReplaceAll(sql, "LATER", "timestamptz '2100-01-01'")); err != nil {
			return err
		}
	}
	return nil
}
