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

// errorClass says what an error of a statement means for the transaction.
type errorClass uint8

const (
	defect     errorClass = iota // of ours or of the server; the log reports it
	constraint                   // a constraint refused the statement; with a savepoint the transaction goes on
	contended                    // another transaction was in the way; run this one again
	lost                         // the connection is lost; nothing has happened if COMMIT was not sent
	standby                      // the server takes no writes any more; another one is the primary
	outdated                     // the server no longer takes a prepared statement; use another connection
	timedOut                     // the deadline or the context ended
	full                         // the server has no room: disk, memory, connections
	large                        // a value is too large
)

// The codes that we tell apart (https://www.postgresql.org/docs/current/errcodes-appendix.html). Two characters name a
// class.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	restrictViolation   = "23001"
)

func classOf(err error) errorClass {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return classOfOther(err)
	}
	switch failed.Code {
	case "40001", "40P01", "55P03":
		return contended
	case "25006":
		return standby
	case "26000", "0A000":
		return outdated
	case "57014":
		return timedOut
	case ioError:
		return full
	case "40003", "57P01", "57P02", "57P03", "57P05", "25P03":
		return lost
	}
	switch failed.Code[:min(2, len(failed.Code))] {
	case "23":
		return constraint
	case "08":
		return lost
	case "53":
		return full
	case "54":
		return large
	}
	return defect
}

// classOfOther returns the class of an error that the server did not report, but the network or this program.
func classOfOther(err error) errorClass {
	if _, ours := errors.AsType[*errs.Error](err); ours {
		return defect
	}
	if isCut(err) {
		return timedOut
	}
	return lost
}

func isCut(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err)
}

// translate gives an error of the driver the kind that the rest of the program knows. ctx is the context of the caller.
func translate(ctx context.Context, err error) error {
	if _, ours := errors.AsType[*errs.Error](err); ours {
		return err
	}
	switch classOf(err) {
	case contended:
		return &errs.Error{Kind: errs.Unavailable, Message: "other writes were in the way again and again", RetryAfter: time.Second, Cause: err}
	case lost, standby:
		return unreachable(err)
	case timedOut:
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
	return engine.Internal(&store.StatementError{Message: err.Error(), Cause: err})
}

// tooLong marks the error of a statement that the server cut short. If the server did not answer, the statement may not be
// to blame, and the error stays as it is.
func tooLong(err error) error {
	if _, answered := errors.AsType[*pgconn.PgError](err); answered {
		return fmt.Errorf("%w: %w", store.ErrStatementTimeout, err)
	}
	return err
}

func unreachable(cause error) error {
	return &errs.Error{Kind: errs.Unavailable, Message: "the database cannot be reached", RetryAfter: time.Second, Cause: cause}
}

// constraintError gives the error of a constraint its type. The caller looks up the columns of a unique one, because the
// message that names them is in the server's language.
func constraintError(err error) *store.ConstraintError {
	failed, _ := errors.AsType[*pgconn.PgError](err)
	refusal := &store.ConstraintError{Constraint: store.Other, Table: failed.TableName, Cause: err}
	switch failed.Code {
	case uniqueViolation:
		refusal.Constraint = store.Unique
	case foreignKeyViolation, restrictViolation:
		refusal.Constraint = store.ForeignKey
	default:
		if failed.ColumnName != "" {
			refusal.Columns = []string{failed.ColumnName}
		}
	}
	return refusal
}
