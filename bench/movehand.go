package main

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Loaders written by hand for only these tables.

var (
	moveUsers = append([]string{"id", "email", "name", "created_at", "updated_at"}, sqlgen.Revision)
	movePosts = append(articleColumns[:10:10], sqlgen.Revision)
)

// definitions are the statements before and after the rows: tables, then indexes, then references.
func definitions(d sqlgen.Dialect, app *model.Model) (tables, after []string) {
	var references []string
	for _, table := range app.Tables {
		def := sqlgen.Define(d, table)
		tables = append(tables, def.WithTriggers()...)
		after = append(after, sqlgen.Creates(def.Indexes)...)
		references = append(references, sqlgen.Creates(def.ForeignKeys)...)
	}
	return tables, append(after, references...)
}

func handToPostgres(ctx context.Context, app *model.Model, file, target string) (err error) {
	from, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := pgx.Connect(ctx, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close(ctx)) }()
	// The triggers of the tables call these functions. Here they do nothing.
	functions := []string{
		`CREATE FUNCTION ashlar_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE FUNCTION ashlar_cleared() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
	}
	tables, after := definitions(sqlgen.Postgres, app)
	for _, sql := range append(functions, tables...) {
		if _, err := to.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if err := copyOver(ctx, from, to, "users", moveUsers, func(stmt *sqlite.Stmt) ([]any, error) {
		id, err := uuidColumn(stmt, 0)
		return []any{id, textColumn(stmt, 1), textColumn(stmt, 2), micros(stmt, 3), micros(stmt, 4), stmt.ColumnInt64(5)}, err
	}); err != nil {
		return err
	}
	if err := copyOver(ctx, from, to, "posts", movePosts, func(stmt *sqlite.Stmt) ([]any, error) {
		id, err1 := uuidColumn(stmt, 0)
		author, err2 := uuidColumn(stmt, 7)
		return []any{id, stmt.ColumnText(1), stmt.ColumnText(2), stmt.ColumnText(3), stmt.ColumnInt64(4), stmt.ColumnFloat(5), stmt.ColumnInt64(6) != 0,
			author, micros(stmt, 8), micros(stmt, 9), stmt.ColumnInt64(10)}, errors.Join(err1, err2)
	}); err != nil {
		return err
	}
	for _, sql := range after {
		if _, err := to.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func uuidColumn(stmt *sqlite.Stmt, col int) (id pgtype.UUID, err error) {
	text := stmt.ColumnText(col)
	_, err = hex.Decode(id.Bytes[:], []byte(text[:8]+text[9:13]+text[14:18]+text[19:23]+text[24:]))
	id.Valid = true
	return id, err
}

func textColumn(stmt *sqlite.Stmt, col int) any {
	if stmt.ColumnType(col) == sqlite.TypeNull {
		return nil
	}
	return stmt.ColumnText(col)
}

func micros(s *sqlite.Stmt, col int) time.Time { return time.UnixMicro(s.ColumnInt64(col)) }

func copyOver(ctx context.Context, from *sqlite.Conn, to *pgx.Conn, table string, columns []string, row func(*sqlite.Stmt) ([]any, error)) error {
	stmt, _, err := from.PrepareTransient("SELECT " + strings.Join(columns, ", ") + " FROM " + table)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	_, err = to.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		more, err := stmt.Step()
		if err != nil || !more {
			return nil, err
		}
		return row(stmt)
	}))
	return err
}

func handToSQLite(ctx context.Context, app *model.Model, source, folder string) (err error) {
	from, err := pgx.Connect(ctx, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close(ctx)) }()
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	to, err := sqlite.OpenConn(filepath.Join(folder, "ashlar.db"), sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	tables, after := definitions(sqlgen.SQLite, app)
	for _, sql := range append([]string{"PRAGMA synchronous = NORMAL", "PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -65536"}, tables...) {
		if err := sqlitex.ExecuteTransient(to, sql, nil); err != nil {
			return err
		}
	}
	if err := insertUsers(ctx, from, to); err != nil {
		return err
	}
	if err := insertPosts(ctx, from, to); err != nil {
		return err
	}
	for _, sql := range append(after, "PRAGMA foreign_key_check") {
		if err := sqlitex.ExecuteTransient(to, sql, nil); err != nil {
			return err
		}
	}
	return nil
}

func insertUsers(ctx context.Context, from *pgx.Conn, to *sqlite.Conn) error {
	rows, err := from.Query(ctx, "SELECT "+strings.Join(moveUsers, ", ")+" FROM users")
	if err != nil {
		return err
	}
	var id pgtype.UUID
	var email, name *string
	var created, updated time.Time
	var revision int64
	return insertOver(rows, to, "users", moveUsers, []any{&id, &email, &name, &created, &updated, &revision}, func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id.String())
		bindOptional(stmt, 2, email)
		bindOptional(stmt, 3, name)
		stmt.BindInt64(4, created.UnixMicro())
		stmt.BindInt64(5, updated.UnixMicro())
		stmt.BindInt64(6, revision)
	})
}

func bindOptional(stmt *sqlite.Stmt, param int, text *string) {
	if text == nil {
		stmt.BindNull(param)
		return
	}
	stmt.BindText(param, *text)
}

func insertPosts(ctx context.Context, from *pgx.Conn, to *sqlite.Conn) error {
	rows, err := from.Query(ctx, "SELECT "+strings.Join(movePosts, ", ")+" FROM posts")
	if err != nil {
		return err
	}
	var id, author pgtype.UUID
	var title, body, status string
	var views, revision int64
	var score float64
	var featured bool
	var created, updated time.Time
	into := []any{&id, &title, &body, &status, &views, &score, &featured, &author, &created, &updated, &revision}
	return insertOver(rows, to, "posts", movePosts, into, func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id.String())
		stmt.BindText(2, title)
		stmt.BindText(3, body)
		stmt.BindText(4, status)
		stmt.BindInt64(5, views)
		stmt.BindFloat(6, score)
		stmt.BindBool(7, featured)
		stmt.BindText(8, author.String())
		stmt.BindInt64(9, created.UnixMicro())
		stmt.BindInt64(10, updated.UnixMicro())
		stmt.BindInt64(11, revision)
	})
}

// insertOver inserts the rows of a query. It scans them into variables, and bind binds the variables.
func insertOver(rows pgx.Rows, to *sqlite.Conn, table string, columns []string, into []any, bind func(*sqlite.Stmt)) error {
	defer rows.Close()
	marks := strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",")
	stmt, _, err := to.PrepareTransient("INSERT INTO " + table + " (" + strings.Join(columns, ",") + ") VALUES (" + marks + ")")
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	const each = 100_000
	for more := true; more; {
		if err := sqlitex.ExecuteTransient(to, "BEGIN IMMEDIATE", nil); err != nil {
			return err
		}
		for range each {
			if more = rows.Next(); !more {
				break
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			bind(stmt)
			if _, err := stmt.Step(); err != nil {
				return err
			}
			if err := stmt.Reset(); err != nil {
				return err
			}
		}
		if err := sqlitex.ExecuteTransient(to, "COMMIT", nil); err != nil {
			return err
		}
	}
	return rows.Err()
}
