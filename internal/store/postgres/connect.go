package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// connectError says on one line why there is no connection, and to which address.
type connectError struct {
	text  string
	cause error // of the driver, with a line for each address, with TLS and without
}

func (e *connectError) Error() string { return e.text }

func (e *connectError) Unwrap() error { return e.cause }

func explainConnect(err error) error {
	failed, is := errors.AsType[*pgconn.ConnectError](err)
	if !is {
		return err
	}
	var said []string
	for line := range strings.SplitSeq(failed.Unwrap().Error(), "\n") { // the user and the database are in the address
		known := func(other string) bool { return strings.HasSuffix(other, line) }
		if !slices.ContainsFunc(said, known) {
			said = append(said, line)
		}
	}
	tried := slices.DeleteFunc(slices.Clone(said), func(line string) bool { return strings.HasSuffix(line, refusesTLS) }) // the driver has then tried without TLS
	if len(tried) == 0 {
		tried = said
	}
	return &connectError{strings.Join(tried, "; "), err}
}

// insufficientPrivilege is the code of an error of a user who lacks a right.
const insufficientPrivilege = "42501"

// explainPrivileges adds advice to the error of a database user who has too few rights.
func explainPrivileges(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == insufficientPrivilege {
		return fmt.Errorf("the user has too few rights in the database: make it the owner of its tables, and grant it CREATE on the schema: %w", err)
	}
	return err
}
