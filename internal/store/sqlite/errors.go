package sqlite

import (
	"fmt"
	"strings"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// translate gives an error of SQLite the kind that the rest of the program knows. The log shows the text of the statement,
// which holds no values, because they are bound.
func translate(err error, sql string) error {
	code := lite.ErrCode(err)
	cause := causeOf(err, code, sql)
	switch code.ToPrimary() {
	case lite.ResultConstraint:
		return constraintError(code, err, cause)
	case lite.ResultBusy, lite.ResultLocked:
		return errs.Wrapf(cause, errs.Unavailable, "the database is busy")
	case lite.ResultInterrupt:
		return errs.Wrapf(cause, errs.Unavailable, "the database took too long")
	case lite.ResultFull:
		return errs.Wrapf(cause, errs.Unavailable, "the disk is full")
	case lite.ResultIOErr, lite.ResultCantOpen, lite.ResultNoMem, lite.ResultProtocol:
		return errs.Wrapf(cause, errs.Unavailable, "the database cannot be reached")
	case lite.ResultTooBig:
		return errs.Wrapf(cause, errs.TooLarge, "a value is too large for the database")
	}
	return engine.Internal(statementError(code, err, sql)) // only the operator can do something about it
}

func causeOf(err error, code lite.ResultCode, sql string) error {
	return fmt.Errorf("%w (%s) in %s", err, code, engine.Excerpt(sql))
}

func statementError(code lite.ResultCode, err error, sql string) *store.StatementError {
	message := fmt.Sprintf("%v (%s)", err, code)
	return &store.StatementError{Message: hint(code, message) + message, Statement: engine.Excerpt(sql), Cause: err}
}

// ofDisk reports whether a write failed because the disk is full, broken or read-only, or because the file belongs to
// somebody else.
func ofDisk(code lite.ResultCode) bool {
	switch code.ToPrimary() {
	case lite.ResultFull, lite.ResultReadOnly, lite.ResultCantOpen, lite.ResultPerm:
		return true
	case lite.ResultIOErr:
		return code != lite.ResultIOErrNoMem
	}
	return false
}

// NoRoom reports whether an error of SQLite or of a file means that the disk is full.
func NoRoom(err error) bool {
	return err != nil && (lite.ErrCode(err).ToPrimary() == lite.ResultFull || lite.ErrCode(err) == lite.ResultIOErrSHMSize || isNoSpace(err))
}

// hint returns advice about errors that are neither the client's fault nor ours. SQLite has no code of its own for a
// missing table or column.
func hint(code lite.ResultCode, message string) string {
	switch {
	case code.ToPrimary() == lite.ResultCorrupt, code.ToPrimary() == lite.ResultNotADB, strings.Contains(message, "no such table: ashlar_"):
		return "the database is damaged: restore it from a backup: "
	case strings.Contains(message, "no such table: "), strings.Contains(message, "no such column: "):
		return "the tables are not as they were made: `ashlar migrate --verify` says what differs: "
	}
	return ""
}

// SQLite's messages about constraints, for example "UNIQUE constraint failed: posts.author_id, posts.title".
const (
	uniqueMessage     = "UNIQUE constraint failed: "
	indexMessage      = "UNIQUE constraint failed: index '" // index on an expression
	notNullMessage    = "NOT NULL constraint failed: "
	foreignKeyMessage = "FOREIGN KEY constraint failed"
)

func constraintError(code lite.ResultCode, err, cause error) *store.ConstraintError {
	refusal := &store.ConstraintError{Constraint: store.Other, Cause: cause}
	message := err.Error()
	switch code {
	case lite.ResultConstraintUnique, lite.ResultConstraintPrimaryKey, lite.ResultConstraintRowID:
		refusal.Constraint = store.Unique
		refusal.Table, refusal.Columns = splitColumns(message, uniqueMessage)
	case lite.ResultConstraintForeignKey:
		refusal.Constraint = store.ForeignKey
	case lite.ResultConstraintNotNull:
		refusal.Table, refusal.Columns = splitColumns(message, notNullMessage)
	case lite.ResultConstraintTrigger: // ON DELETE RESTRICT, which SQLite runs as a trigger
		if strings.HasSuffix(message, foreignKeyMessage) {
			refusal.Constraint = store.ForeignKey
		}
	}
	return refusal
}

// splitColumns reads "posts.author_id, posts.title" after the prefix. For an index on an expression SQLite names only the
// index: see conn.resolve.
func splitColumns(message, prefix string) (table string, columns []string) {
	_, list, found := strings.Cut(message, prefix)
	if !found {
		return "", nil
	}
	for qualified := range strings.SplitSeq(list, ", ") {
		t, column, found := strings.Cut(qualified, ".")
		if !found {
			return "", nil
		}
		table, columns = t, append(columns, column)
	}
	return table, columns
}
