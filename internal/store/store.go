// Package store is what Ashlar asks of a database engine.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Layout is the form of what Ashlar itself keeps in a database: the tables of the engine and those of package system. Each
// database is marked with its layout. An engine makes new databases of this layout and refuses later ones; package system
// has the way from an older one.
const Layout = 2

// DB is an open database, with everything that Ashlar asks of its engine. It is safe for concurrent use.
type DB interface {
	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect

	// Read runs f against one snapshot of the database. Statements inside are cut short when ctx ends or the
	// engine's own deadline passes; the error is then errs.Unavailable or what ctx.Err returned. While f works, the engine
	// asks ctx.Err every few milliseconds, from another goroutine, and lets the snapshot go as soon as it ends f. It does
	// not ask ctx after Read has returned.
	Read(ctx context.Context, f func(Reader) error) error

	// Readers returns how many reads can run at once, and how many short reads are worth running at once.
	Readers() (all, quick int)

	// Write runs f in a transaction and returns after the commit is durable. Whatever f returned, Write answers only
	// when the transaction that f saw has ended, since even a refusal may rest on a neighbour's row. An error or a
	// panic of f undoes what f did and nothing else. f may run more than once, so it resets what it fills. f must be
	// short and must not wait for anything but its own statements.
	Write(ctx context.Context, f func(Tx) error) error

	Scripter
	Sweeper

	// Writable returns why nothing can be written at present, or nil.
	Writable() error

	// CheckWrites finds out whether the database takes writes, by a write that changes nothing. Writable knows the result.
	CheckWrites(ctx context.Context) error

	// Alter runs f on a connection of its own, to change how tables are defined. One Alter runs at a time among all
	// processes that have the database open. Only ctx ends its statements, no deadline does. If f fails, the engine undoes
	// what f had not committed.
	Alter(ctx context.Context, f func(Session) error) error

	// Describe describes a query without running it. The error is a *QueryError if the text of the query is wrong.
	Describe(ctx context.Context, query string) (Description, error)

	Loader
	Copier

	// EngineTables returns the names of the tables that the engine keeps for itself. They are no tables of a model.
	EngineTables() []string

	// Close waits for calls under way, then closes. Calls after it fail with errs.Unavailable.
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

	// Outside returns a number that changes when another program has changed rows without moving a generation, as the
	// shell of SQLite does. Like a generation, the number belongs to the snapshot. It is unknown if a change has just
	// happened.
	Outside() (n int64, known bool)

	// FinalStatement announces that the next statement of a Read is its last one, so that the engine may end the snapshot
	// with it. Another statement after that one is an error. In a transaction FinalStatement does nothing.
	FinalStatement()

	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect
}

// Tx runs statements in a transaction.
type Tx interface {
	Reader

	// Exec runs one statement and returns how many rows it changed (not counting cascades). A constraint in the way is a *ConstraintError.
	Exec(sql string, args []value.Value) (changed int64, err error)

	// ExecThenQuery runs a statement that changes rows and, unless that fails, a query. An engine may send both
	// together. Errors are those of Exec and of Query.
	ExecThenQuery(change, read Statement, row func(value.Row) error) error

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

	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect

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

// Sweeper deletes rows that many references lead to.
type Sweeper interface {
	// Sweeps reports whether a deletion that reaches many rows needs Sweep, because Write does not follow references far
	// enough.
	Sweeps() bool

	// Sweep is Write in a transaction of its own that neither checks nor follows references: f must leave no reference
	// to a missing row. The temporary table ashlar_doomed (t, id) belongs to f, and is empty when f begins. An engine that
	// does not sweep returns errors.ErrUnsupported.
	Sweep(ctx context.Context, f func(Tx) error) error
}

// Copier copies a database that is one file.
type Copier interface {
	// Copies reports whether Copy can copy the database.
	Copies() bool

	// Copy writes the database into a new file that only this user can read, and verifies the copy. Reads and writes go on
	// in the meantime. The file has its name only when it is whole. An engine that does not copy returns
	// errors.ErrUnsupported.
	Copy(ctx context.Context, path string) error
}

// Statement is a statement and what is bound to it.
type Statement struct {
	SQL  string
	Args []value.Value
}

// ExecThenQuery runs two statements one after the other. It serves engines that cannot send them together.
func ExecThenQuery(tx Tx, change, read Statement, row func(value.Row) error) error {
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
