package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// connectError says on one line why there is no connection, and where.
type connectError struct {
	text  string
	cause error // the driver's, which says it on several: one for each address, with TLS and without
}

func (e *connectError) Error() string { return e.text }

func (e *connectError) Unwrap() error { return e.cause }

func explainConnect(err error) error {
	failed, is := errors.AsType[*pgconn.ConnectError](err)
	if !is {
		return err
	}
	var said []string
	for line := range strings.SplitSeq(failed.Unwrap().Error(), "\n") { // without the user and the database, which are in the address
		known := func(other string) bool { return strings.HasSuffix(other, line) }
		if !slices.ContainsFunc(said, known) {
			said = append(said, line)
		}
	}
	tried := slices.DeleteFunc(slices.Clone(said), func(line string) bool { return strings.HasSuffix(line, refusesTLS) }) // after which it has tried without
	if len(tried) == 0 {
		tried = said
	}
	return &connectError{strings.Join(tried, "; "), err}
}

// insufficientPrivilege is the error of a user who may not do something.
const insufficientPrivilege = "42501"

// mayNot says what to do where the user of the database has too few rights.
func mayNot(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == insufficientPrivilege {
		return fmt.Errorf("the user has too few rights in the database: make it the owner of its tables, and grant it CREATE on the schema: %w", err)
	}
	return err
}
