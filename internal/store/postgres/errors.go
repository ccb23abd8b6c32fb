package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// fate is what an error of a statement means for the transaction.
type fate uint8

const (
	defect     fate = iota // ours, or the server's: it is reported
	constraint             // the statement is refused; behind a savepoint the transaction goes on
	again                  // another transaction was in the way: run this one again
	gone                   // the connection is lost; before COMMIT was sent nothing has happened
	standby                // the server takes no writes any more: another is the primary now
	outdated               // a prepared statement is not the server's any more: run it again on a fresh connection
	cut                    // the deadline, or the context
	full                   // the server has no room: disk, memory, connections
	large                  // a value is too large, whenever it is tried
)

// The codes that are told apart (https://www.postgresql.org/docs/current/errcodes-appendix.html). Two characters name
// a class.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	restrictViolation   = "23001"
)

func fateOf(err error) fate {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fateOfOther(err)
	}
	switch e.Code {
	case "40001", "40P01", "55P03":
		return again
	case "25006":
		return standby
	case "26000", "0A000":
		return outdated
	case "57014":
		return cut
	case ioError:
		return full
	case "40003", "57P01", "57P02", "57P03", "57P05", "25P03":
		return gone
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "23":
		return constraint
	case "08":
		return gone
	case "53":
		return full
	case "54":
		return large
	}
	return defect
}

// fateOfOther is that of an error that the server did not report: of the network, or of ours.
func fateOfOther(err error) fate {
	if _, ours := errors.AsType[*errs.Error](err); ours {
		return defect
	}
	if isCut(err) {
		return cut
	}
	return gone
}

func isCut(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err)
}

// translate gives an error of the driver the kind that the rest of the program knows. ctx is that of the caller.
func translate(ctx context.Context, err error) error {
	if _, ours := errors.AsType[*errs.Error](err); ours {
		return err
	}
	switch fateOf(err) {
	case again:
		return &errs.Error{Kind: errs.Unavailable, Message: "other writes were in the way again and again", RetryAfter: time.Second, Cause: err}
	case gone, standby:
		return unreachable(err)
	case cut:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errs.Wrapf(tooLong(err), errs.Unavailable, "the database took too long")
	case full:
		if ofDisk(err) {
			return diskError(err, "")
		}
		return errs.Wrapf(err, errs.Unavailable, "the database has no room left")
	case large:
		return errs.Wrapf(err, errs.TooLarge, "a value is too large for the database")
	}
	return engine.Internal(err)
}

// tooLong says of a statement that the server cut short that it was. Where the server did not answer at all, the
// statement is not to blame.
func tooLong(err error) error {
	if _, answered := errors.AsType[*pgconn.PgError](err); answered {
		return fmt.Errorf("%w: %w", store.ErrStatementTimeout, err)
	}
	return err
}

func unreachable(cause error) error {
	return &errs.Error{Kind: errs.Unavailable, Message: "the database cannot be reached", RetryAfter: time.Second, Cause: cause}
}

// constraintError types the refusal of a constraint. The columns of a unique one are looked up by the caller: the
// server's message, which names them, is in the server's language.
func constraintError(err error) *store.ConstraintError {
	e, _ := errors.AsType[*pgconn.PgError](err)
	c := &store.ConstraintError{Constraint: store.Other, Table: e.TableName, Cause: err}
	switch e.Code {
	case uniqueViolation:
		c.Constraint = store.Unique
	case foreignKeyViolation, restrictViolation:
		c.Constraint = store.ForeignKey
	default:
		if e.ColumnName != "" {
			c.Columns = []string{e.ColumnName}
		}
	}
	return c
}
