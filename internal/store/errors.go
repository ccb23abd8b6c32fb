package store

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBusy is in the chain of the error of a Read that never began, because other reads had all connections.
var ErrBusy = errors.New("all connections are taken")

// ErrStatementTimeout is in the chain of the error of a statement that the engine's own deadline cut short.
var ErrStatementTimeout = errors.New("the statement ran into the deadline")

// Constraint is the kind of a constraint.
type Constraint uint8

const (
	Unique Constraint = iota
	ForeignKey
	Other // NOT NULL, CHECK or a type: our own checks should have caught it
)

func (c Constraint) String() string { return [...]string{"unique", "foreign key", "other"}[c] }

// ConstraintError is the error of a statement that a constraint refused. The transaction goes on.
type ConstraintError struct {
	Constraint Constraint
	Table      string   // "" if the engine does not say
	Columns    []string // columns of a Unique constraint; empty if the engine does not say
	Cause      error
}

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("%s constraint on %s(%s): %v", e.Constraint, e.Table, strings.Join(e.Columns, ", "), e.Cause)
}

func (e *ConstraintError) Unwrap() error { return e.Cause }

// StatementError is in the chain of the errs.Internal error of a statement. No constraint, deadline or outage is to blame,
// but the text of the statement or the rows that it met.
type StatementError struct {
	Message   string // what the engine says
	Statement string // beginning of the statement; "" if the engine does not say
	Cause     error
}

func (e *StatementError) Error() string {
	if e.Statement == "" {
		return e.Message
	}
	return e.Message + " in " + e.Statement
}

func (e *StatementError) Unwrap() error { return e.Cause }

// QueryError says what is wrong with the text of a query.
type QueryError struct {
	Offset  int // of the fault in the text, in code points; -1 if the engine does not say
	Message string
	Refused bool // the engine itself refused the text: another engine may accept it
}

func (e *QueryError) Error() string { return e.Message }
