// Package store is what Ashlar asks of a database engine.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// Layout is the form of what Ashlar itself keeps in a database: the tables of the engine and those of package system. Each
// database is marked with its layout. An engine makes new databases of this layout and refuses later ones; package system
// has the way from an older one.
const Layout = 2

// DB is an open database. It is safe for concurrent use.
type DB interface {
	// Read runs f against one snapshot of the database. Statements inside are cut short when ctx ends or the
	// engine's own deadline passes; the error is then errs.Unavailable or what ctx.Err returned. While f works, the engine
	// asks ctx.Err every few milliseconds, from another goroutine, and lets the snapshot go as soon as it ends f. It does
	// not ask ctx after Read has returned.
	Read(ctx context.Context, f func(Reader) error) error

	// Write runs f in a transaction and returns after it is durably committed; whatever f returned, Write answers only
	// when the transaction that f saw has ended, since even a refusal may rest on a neighbour's row. An error or a
	// panic of f undoes what f did and nothing else. f may run more than once, so it resets what it fills; it must be
	// short and must not wait for anything but its own statements.
	Write(ctx context.Context, f func(Tx) error) error

	// Alter runs f on a connection of its own, to change how tables are defined. One Alter runs at a time among all who
	// have the database open, and no deadline ends its statements but the context. Where f fails, what it had not
	// committed is undone.
	Alter(ctx context.Context, f func(Session) error) error

	// Own returns the names of the tables that the engine keeps for itself. They are no tables of a model.
	Own() []string

	// Close waits for what is under way, then closes. Calls after it fail with errs.Unavailable.
	Close() error
}

// ErrBusy is in the chain of the error of a Read that never began, because others had all connections.
var ErrBusy = errors.New("all connections are taken")

// ErrTooLong is in the chain of the error of a statement that the engine's own deadline cut short.
var ErrTooLong = errors.New("the statement ran into the deadline")

// Reader runs statements that change nothing.
type Reader interface {
	// Query runs one statement, prepared once a connection, and calls row for each row of the result. An error of row
	// ends it and is returned as it is.
	Query(sql string, args []value.Value, row func(value.Row) error) error

	// Generation returns a number that changes with every committed write that touched the table, in this snapshot.
	Generation(table string) (int64, error)
}

// Tx runs statements in a transaction.
type Tx interface {
	Reader

	// Exec runs one statement and returns how many rows it changed (not counting cascades). A constraint in the way is a *ConstraintError.
	Exec(sql string, args []value.Value) (changed int64, err error)

	// Revision returns a number that no earlier call on this database returned in a committed transaction.
	Revision() (int64, error)

	// Next returns a number larger than any call for that counter on this database returned in a committed transaction;
	// the first is 1, and the next is one larger. What a transaction drew that was undone may be drawn again, or never.
	Next(counter string) (int64, error)

	// Skip makes Next of a counter return numbers larger than past from now on. It is for a counter of which Next has just
	// returned a number that cannot be used, and that number goes with it.
	Skip(counter string, drawn, past int64) error

	// Touch says that the transaction writes to these tables: their generations move when it commits.
	Touch(tables ...string)
}

// Session is a connection on which tables are defined anew. SQLite's does not enforce foreign keys: a table that others
// refer to can be replaced, and whoever does it looks for rows that refer to nothing before it commits.
type Session interface {
	// Query and Exec are those of Tx; outside of a Transaction each statement is committed by itself.
	Query(sql string, args []value.Value, row func(value.Row) error) error
	Exec(sql string, args []value.Value) (changed int64, err error)

	// Transaction runs f in one transaction, all or nothing. Where several processes serve the database, f waits only a
	// moment for the lock of a table, lest those queue up behind it who come later, and is run again until it had all that
	// it needs. So it may run more than once, and resets what it fills.
	Transaction(f func() error) error

	// Touch moves the generations of tables, in the transaction under way.
	Touch(tables ...string) error

	// MoveCounter gives a counter of Tx.Next another name, in the transaction under way. One that was never used, or is
	// not there any more, is no error. What has the new name is replaced.
	MoveCounter(from, to string) error
}

// Sweeper is an engine that does not follow references far enough when a row is deleted.
type Sweeper interface {
	// Sweep is Write in a transaction of its own, in which references are neither checked nor followed: f leaves none that
	// leads nowhere. The temporary table ashlar_doomed (t, id) is f's, and is empty when f begins.
	Sweep(ctx context.Context, f func(Tx) error) error
}

// Last says that the next statement of a Read is its last one: an engine may end the snapshot with it. A statement that
// follows all the same is an error.
func Last(r Reader) {
	if l, ok := r.(interface{ Last() }); ok {
		l.Last()
	}
}

// Outside returns a number that changes when somebody else than this engine has changed rows, which moves no generation:
// by SQL, on SQLite. The number belongs to the snapshot, like generations do. It is not known where that just happened.
func Outside(r Reader) (n int64, known bool) {
	if o, ok := r.(interface{ Outside() (n int64, known bool) }); ok {
		return o.Outside()
	}
	return 0, true
}

// Statement is a statement and what is bound to it.
type Statement struct {
	SQL  string
	Args []value.Value
}

// Then runs a statement that changes rows and, unless that fails, one that reads what came of it. An engine may send both
// together. Errors are those of Exec and of Query.
func Then(tx Tx, change, read Statement, row func(value.Row) error) error {
	if t, ok := tx.(interface {
		Then(change, read Statement, row func(value.Row) error) error
	}); ok {
		return t.Then(change, read, row)
	}
	if _, err := tx.Exec(change.SQL, change.Args); err != nil {
		return err
	}
	return tx.Query(read.SQL, read.Args, row)
}

// Constraint is the kind of a constraint.
type Constraint uint8

const (
	Unique Constraint = iota
	ForeignKey
	Other // NOT NULL, CHECK or a type: our own checks should have caught it
)

func (c Constraint) String() string { return [...]string{"unique", "foreign key", "other"}[c] }

// ConstraintError is a constraint that refused a statement. The transaction goes on.
type ConstraintError struct {
	Constraint Constraint
	Table      string   // "" where the engine does not say
	Columns    []string // for Unique; empty where the engine does not say
	Cause      error
}

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("%s constraint on %s(%s): %v", e.Constraint, e.Table, strings.Join(e.Columns, ", "), e.Cause)
}

func (e *ConstraintError) Unwrap() error { return e.Cause }

// Description is what a query would return, and of what it would make it. Nothing of the query has run.
type Description struct {
	Columns []Column // of its rows, in order
	Reads   []Column // of tables that it looks at, by their names in the database; without Name, a table of which no column is named
	Refused []string // what it uses that it must not, each with the reason: "random" + Fickle
}

// Fickle is the reason to refuse what may change something, or answer otherwise while no table changes.
const Fickle = ", whose result may change while no table does"

// Column is a column of a table, or of the rows of a query.
type Column struct {
	Table string // "" for a query's
	Name  string
	Type  string       // of a query's, as the engine calls it; "" where only its values tell
	Holds []value.Kind // that a column of Type can be read as; nil where Type is ""
}

// QueryError is what is wrong with the text of a query.
type QueryError struct {
	Offset  int // of the place in the text, in code points; -1 where the engine does not say
	Message string
}

func (e *QueryError) Error() string { return e.Message }
