// Package engine holds what every engine behind store.DB does in the same way.
package engine

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Internal returns an error whose cause only the log shows: the client can do nothing about it.
func Internal(cause error) error { return errs.Wrapf(cause, errs.Internal, "internal error") }

// Closed is the error of a call after Close.
func Closed() error { return errs.New(errs.Unavailable, "the server is stopping") }

// UnknownOutcome is the error of a write that may or may not have been committed.
func UnknownOutcome(cause error) error {
	return errs.Wrapf(cause, errs.Unavailable, "the outcome of the write is unknown: it may or may not have been done")
}

// UsedAfterReturn is the error of a transaction that is used after its function has returned.
func UsedAfterReturn() error {
	return Internal(errors.New("a transaction was used after its function had returned"))
}

// EndsTransaction is the error of a function that runs a statement which would end or nest its transaction.
func EndsTransaction(sql string) error {
	return Internal(errors.New("a function must not end its transaction: " + Excerpt(sql)))
}

// Nested is the error of a Session that begins a transaction inside a transaction.
func Nested() error { return Internal(errors.New("a transaction inside a transaction")) }

const maxExcerpt = 500 // bytes

// Excerpt returns the beginning of a statement, for the log. A statement holds no values, because they are bound.
func Excerpt(sql string) string {
	if len(sql) > maxExcerpt {
		return strings.ToValidUTF8(sql[:maxExcerpt], "") + " …"
	}
	return sql
}

// FirstWord returns the first word of a statement in upper case.
func FirstWord(sql string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(sql, " \t\r\n"), " ")
	return strings.ToUpper(strings.TrimRight(word, ";\t\r\n"))
}

// Default returns value, or standard if value is not positive.
func Default[T int | time.Duration](value, standard T) T {
	if value <= 0 {
		return standard
	}
	return value
}

// AddTables appends the tables that are not in list yet. The list is short: a transaction writes to few tables.
func AddTables(list []string, tables ...string) []string {
	for _, table := range tables {
		if !slices.Contains(list, table) {
			list = append(list, table)
		}
	}
	return list
}
