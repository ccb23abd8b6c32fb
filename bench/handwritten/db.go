package main

import (
	"errors"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const schema = `
CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, email TEXT UNIQUE, name TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
` + article + `posts` + columns + article + `notes` + columns + `
CREATE INDEX posts_author ON posts (author_id, created_at);
CREATE INDEX posts_status ON posts (status, created_at);
CREATE INDEX notes_author ON notes (author_id, created_at);
CREATE INDEX notes_status ON notes (status, created_at);`

const article = `CREATE TABLE `

const columns = ` (
	id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, views INTEGER NOT NULL,
	score REAL NOT NULL, featured INTEGER NOT NULL, author_id TEXT NOT NULL REFERENCES users (id), created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;
`

func createTables(path string) error {
	conn, err := open(path, "PRAGMA synchronous = FULL")
	if err != nil {
		return err
	}
	return errors.Join(sqlitex.ExecuteScript(conn, schema, nil), conn.Close())
}

func open(path string, pragmas ...string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(5 * time.Second)
	for _, pragma := range append([]string{"PRAGMA foreign_keys = ON", "PRAGMA cache_size = -8192"}, pragmas...) {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return nil, err
		}
	}
	return conn, nil
}

// prepare prepares statements by name. It never clears their bindings: since SQLite 3.54 that plans many of them
// again.
func prepare(conn *sqlite.Conn, texts map[string]string) (map[string]*sqlite.Stmt, error) {
	out := map[string]*sqlite.Stmt{}
	for name, text := range texts {
		stmt, _, err := conn.PrepareTransient(text)
		if err != nil {
			return nil, err
		}
		out[name] = stmt
	}
	return out, nil
}

const row = `id, title, body, status, views, score, featured, author_id, created_at, updated_at`

// reader is a reading connection.
type reader struct {
	get, list, count, listAfter, authors *sqlite.Stmt
	note, notes                          *sqlite.Stmt
	text                                 borrowed
}

func openReader(path string) (*reader, error) {
	conn, err := open(path, "PRAGMA query_only = ON")
	if err != nil {
		return nil, err
	}
	statements, err := prepare(conn, map[string]string{
		"get":   `SELECT ` + row + ` FROM posts WHERE id = ?1`,
		"list":  `SELECT ` + row + ` FROM posts WHERE status = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2`,
		"after": `SELECT ` + row + ` FROM posts WHERE status = ?1 AND (created_at, id) < (?3, ?4) ORDER BY created_at DESC, id DESC LIMIT ?2`,
		"count": `SELECT count(*) FROM posts WHERE status = ?1`,
		"users": `SELECT id, email, name, created_at, updated_at FROM users WHERE id IN (SELECT value FROM json_each(?1))`,
		"note":  `SELECT ` + row + ` FROM notes WHERE id = ?1 AND author_id = ?2`,
		"notes": `SELECT ` + row + ` FROM notes WHERE author_id = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2`,
	})
	if err != nil {
		return nil, err
	}
	return &reader{get: statements["get"], list: statements["list"], count: statements["count"], listAfter: statements["after"], authors: statements["users"], note: statements["note"], notes: statements["notes"]}, nil
}

// borrowed catches the bytes of a column without a copy: they are valid until the next step.
type borrowed struct{ b []byte }

func (b *borrowed) Write(p []byte) (int, error) { b.b = p; return len(p), nil }

func (b *borrowed) of(stmt *sqlite.Stmt, col int) []byte {
	b.b = nil
	_, _ = stmt.ColumnReader(col).WriteTo(b)
	return b.b
}
