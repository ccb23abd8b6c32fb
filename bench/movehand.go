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
func definitions(d sqlgen.Dialect, m *model.Model) (tables, after []string) {
	var references []string
	for _, t := range m.Tables {
		def := sqlgen.Define(d, t)
		tables = append(tables, def.WithTriggers()...)
		after = append(after, sqlgen.Creates(def.Indexes)...)
		references = append(references, sqlgen.Creates(def.ForeignKeys)...)
	}
	return tables, append(after, references...)
}

func handToPostgres(ctx context.Context, m *model.Model, file, target string) (err error) {
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
	const cleared = `CREATE FUNCTION ashlar_cleared() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`
	tables, after := definitions(sqlgen.Postgres, m)
	for _, sql := range append([]string{cleared}, tables...) {
		if _, err := to.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if err := copyOver(ctx, from, to, "users", moveUsers, func(s *sqlite.Stmt) ([]any, error) {
		id, err := uuidColumn(s, 0)
		return []any{id, textColumn(s, 1), textColumn(s, 2), micros(s, 3), micros(s, 4), s.ColumnInt64(5)}, err
	}); err != nil {
		return err
	}
	if err := copyOver(ctx, from, to, "posts", movePosts, func(s *sqlite.Stmt) ([]any, error) {
		id, err1 := uuidColumn(s, 0)
		author, err2 := uuidColumn(s, 7)
		return []any{id, s.ColumnText(1), s.ColumnText(2), s.ColumnText(3), s.ColumnInt64(4), s.ColumnFloat(5), s.ColumnInt64(6) != 0,
			author, micros(s, 8), micros(s, 9), s.ColumnInt64(10)}, errors.Join(err1, err2)
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

func uuidColumn(s *sqlite.Stmt, col int) (id pgtype.UUID, err error) {
	text := s.ColumnText(col)
	_, err = hex.Decode(id.Bytes[:], []byte(text[:8]+text[9:13]+text[14:18]+text[19:23]+text[24:]))
	id.Valid = true
	return id, err
}

func textColumn(s *sqlite.Stmt, col int) any {
	if s.ColumnType(col) == sqlite.TypeNull {
		return nil
	}
	return s.ColumnText(col)
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

func handToSQLite(ctx context.Context, m *model.Model, source, folder string) (err error) {
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
	tables, after := definitions(sqlgen.SQLite, m)
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
	return insertOver(rows, to, "users", moveUsers, []any{&id, &email, &name, &created, &updated, &revision}, func(s *sqlite.Stmt) {
		s.BindText(1, id.String())
		bindOptional(s, 2, email)
		bindOptional(s, 3, name)
		s.BindInt64(4, created.UnixMicro())
		s.BindInt64(5, updated.UnixMicro())
		s.BindInt64(6, revision)
	})
}

func bindOptional(s *sqlite.Stmt, param int, text *string) {
	if text == nil {
		s.BindNull(param)
		return
	}
	s.BindText(param, *text)
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
	return insertOver(rows, to, "posts", movePosts, into, func(s *sqlite.Stmt) {
		s.BindText(1, id.String())
		s.BindText(2, title)
		s.BindText(3, body)
		s.BindText(4, status)
		s.BindInt64(5, views)
		s.BindFloat(6, score)
		s.BindBool(7, featured)
		s.BindText(8, author.String())
		s.BindInt64(9, created.UnixMicro())
		s.BindInt64(10, updated.UnixMicro())
		s.BindInt64(11, revision)
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
