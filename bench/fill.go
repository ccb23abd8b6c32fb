package main

import (
	"errors"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// layout describes how one server stores a table.
type layout struct {
	user     func(n int) []any
	article  func(table string, n int) []any
	users    []string // columns
	articles []string
	after    []string // statements at the end
}

const pocketbaseTime = "2006-01-02 15:04:05.000Z"

var articleColumns = []string{"id", "title", "body", "status", "views", "score", "featured", "author_id", "created_at", "updated_at"}

func userValues(n int) []any {
	u := userOf(n)
	return []any{u.id, u.email, u.name, created(n).UnixMicro(), created(n).UnixMicro()}
}

func articleValues(table string, n int) []any {
	a := articleOf(table, n)
	return []any{a.id, a.title, a.body, a.status, a.views, a.score, a.featured, userOf(a.author).id, created(n).UnixMicro(), created(n).UnixMicro()}
}

var handwrittenLayout = layout{
	users: []string{"id", "email", "name", "created_at", "updated_at"}, user: userValues,
	articles: articleColumns, article: articleValues,
}

var ashlarLayout = layout{
	users: append(handwrittenLayout.users[:5:5], "_rev"), user: func(n int) []any { return append(userValues(n), n+1) },
	articles: append(articleColumns[:10:10], "_rev"), article: func(table string, n int) []any { return append(articleValues(table, n), n+1) },
	after: []string{`UPDATE ashlar_counters SET value = 100000000 WHERE name = 'revision'`},
}

var pocketbaseLayout = layout{
	users: []string{"id", "email", "name", "created", "updated", "emailVisibility", "tokenKey", "password"},
	user: func(n int) []any {
		u, at := userOf(n), created(n).Format(pocketbaseTime)
		id := shortOf(u.id)
		return []any{id, u.email, u.name, at, at, true, strings.Repeat("k", 20) + id, "$2a$10$none"}
	},
	articles: articleColumns,
	article: func(table string, n int) []any {
		v, at := articleValues(table, n), created(n).Format(pocketbaseTime)
		v[0], v[7], v[8], v[9] = shortOf(v[0].(string)), shortOf(v[7].(string)), at, at
		return v
	},
}

// fill puts the rows into the database of a stopped server.
func fill(path string, l layout, rows int) error { return fillFrom(path, l, 0, rows, "posts", "notes") }

// fillFrom adds rows from one number to another.
func fillFrom(path string, l layout, from, to int, tables ...string) (err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous = OFF", nil); err != nil {
		return err
	}
	if err := fillIn(conn, l, from, to, tables); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(TRUNCATE)", nil)
}

func fillIn(conn *sqlite.Conn, l layout, from, to int, tables []string) (err error) {
	defer sqlitex.Transaction(conn)(&err)
	if from == 0 && to > 0 {
		if err := insert(conn, "users", l.users, 0, userCount, l.user); err != nil {
			return err
		}
	}
	for _, table := range tables {
		row := func(n int) []any { return l.article(table, n) }
		if err := insert(conn, table, l.articles, from, to, row); err != nil {
			return err
		}
	}
	for _, sql := range l.after {
		if err := sqlitex.ExecuteTransient(conn, sql, nil); err != nil {
			return err
		}
	}
	return nil
}

func insert(conn *sqlite.Conn, table string, columns []string, from, to int, row func(int) []any) error {
	marks := strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",")
	stmt, _, err := conn.PrepareTransient("INSERT INTO " + table + " (" + strings.Join(columns, ",") + ") VALUES (" + marks + ")")
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	for n := from; n < to; n++ {
		for i, v := range row(n) {
			bind(stmt, i+1, v)
		}
		if _, err := stmt.Step(); err != nil {
			return err
		}
		if err := stmt.Reset(); err != nil {
			return err
		}
	}
	return nil
}

func bind(stmt *sqlite.Stmt, i int, value any) {
	switch v := value.(type) {
	case string:
		stmt.BindText(i, v)
	case int:
		stmt.BindInt64(i, int64(v))
	case int64:
		stmt.BindInt64(i, v)
	case float64:
		stmt.BindFloat(i, v)
	case bool:
		stmt.BindBool(i, v)
	}
}
