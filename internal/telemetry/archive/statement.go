package archive

import (
	"errors"
	"fmt"

	lite "zombiezen.com/go/sqlite"
)

// run runs a statement that returns no rows.
func run(conn *lite.Conn, sql string, args ...any) error {
	return query(conn, sql, nil, args...)
}

// query runs a statement and calls each for its rows. The connection keeps the prepared statement.
func query(conn *lite.Conn, sql string, each func(*lite.Stmt) error, args ...any) (err error) {
	stmt, err := conn.Prepare(sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stmt.ClearBindings()) }()
	for i, arg := range args {
		bind(stmt, i+1, arg)
	}
	for {
		more, err := stmt.Step()
		if err != nil {
			return errors.Join(err, stmt.Reset())
		}
		if !more {
			return nil
		}
		if each == nil {
			continue
		}
		if err := each(stmt); err != nil {
			return errors.Join(err, stmt.Reset())
		}
	}
}

func bind(stmt *lite.Stmt, at int, arg any) {
	switch arg := arg.(type) {
	case int:
		stmt.BindInt64(at, int64(arg))
	case int64:
		stmt.BindInt64(at, arg)
	case bool:
		stmt.BindBool(at, arg)
	case string:
		stmt.BindText(at, arg)
	case []byte:
		stmt.BindBytes(at, arg)
	default:
		panic(fmt.Sprintf("archive: cannot bind a %T", arg))
	}
}

// script runs statements that take no values and are run once. Each ends with a semicolon.
func script(conn *lite.Conn, text string) error {
	for text != "" {
		stmt, rest, err := conn.PrepareTransient(text)
		if err != nil {
			return err
		}
		text = text[len(text)-rest:]
		if stmt == nil { // only white space is left
			continue
		}
		more := true
		for more && err == nil {
			more, err = stmt.Step()
		}
		if err := errors.Join(err, stmt.Finalize()); err != nil {
			return err
		}
	}
	return nil
}

// numberOf returns the first column of the first row of a query.
func numberOf(conn *lite.Conn, sql string, args ...any) (n int64, err error) {
	err = query(conn, sql, func(row *lite.Stmt) error {
		n = row.ColumnInt64(0)
		return nil
	}, args...)
	return n, err
}

// blob returns a column in buf, which it makes larger if need be.
func blob(row *lite.Stmt, column int, buf []byte) []byte {
	size := row.ColumnLen(column)
	if cap(buf) < size {
		buf = make([]byte, size, 2*size)
	}
	buf = buf[:size]
	row.ColumnBytes(column, buf)
	return buf
}

// A transaction is a write transaction of the file.
type transaction struct {
	conn      *lite.Conn
	committed []func() // called when it is committed
	undone    []func() // called when it is not
}

func (t *transaction) run(sql string, args ...any) error { return run(t.conn, sql, args...) }
