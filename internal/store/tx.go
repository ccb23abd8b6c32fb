package store

import (
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Statement is the text of a statement and the values of its parameters.
type Statement struct {
	SQL  string
	Args []value.Value
}

// Reader runs statements that change nothing.
type Reader interface {
	// Query runs one statement, which each connection prepares once, and calls row for each row of the result. An error of
	// row ends the query and is returned as it is.
	Query(sql string, args []value.Value, row func(value.Row) error) error

	// Generation returns a number that changes with every committed write that touched the table, in this snapshot.
	Generation(table string) (int64, error)

	// Outside returns a number that changes when another program has changed rows without moving a generation, as the
	// shell of SQLite does. Like a generation, the number belongs to the snapshot. It is unknown if a change has just
	// happened.
	Outside() (n int64, known bool)

	// Version appends numbers to dst that name what the tables hold in this snapshot. Versions of the same tables are equal
	// only if every row is. The numbers cover the generations, changes by other programs, and an older copy of the database
	// that took its place. A version is unknown in a transaction, and where Outside is.
	Version(dst []int64, tables []string) (version []int64, known bool, err error)

	// State returns the state of this snapshot: see DB.State.
	State() (state State, known bool)

	// Guard runs a step with Refused before the next statement, and may send both together. If the step finds no row or its
	// Row returns an error, the statement gives out no rows. It and all later statements fail with Refused, and so does the
	// Read or the transaction. The guard also runs if no statement follows.
	//
	// A guard sees every commit of any process that was complete when the Read began. See also Step.Check.
	Guard(step Step)

	// FinalStatement announces that the next statement of a Read is its last one, so that the engine may end the snapshot
	// with it. Another statement after that one is an error. In a transaction FinalStatement does nothing.
	FinalStatement()

	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect

	// Explain returns the plan of a statement with a number of parameters, for any values of them. It runs no statement.
	// A transaction, and a Read after its first statement, may return errors.ErrUnsupported.
	Explain(sql string, params int) (Plan, error)
}

// Tx runs statements in a transaction.
type Tx interface {
	Reader

	// Exec runs one statement. It returns how many rows the statement changed, cascades not counted. If a constraint refuses
	// the statement, the error is a *ConstraintError.
	Exec(sql string, args []value.Value) (changed int64, err error)

	// ExecDeferred is Exec for a deletion that other rows go along with. It checks references when the statement has
	// changed all its rows. So a row that a cascade deletes may also have a reference that restricts.
	ExecDeferred(sql string, args []value.Value) (changed int64, err error)

	// ExecThenQuery runs a statement that changes rows and, unless that fails, a query. An engine may send both
	// together. Errors are the errors of Exec and of Query.
	ExecThenQuery(change, read Statement, row func(value.Row) error) error

	// Revision returns a number that no earlier call on this database returned in a committed transaction.
	Revision() (int64, error)

	// NextID returns the next number of a counter, starting with 1. It is larger than every number that a committed
	// transaction drew from this counter. A number may be drawn again, or never, if its transaction is undone.
	NextID(counter string) (int64, error)

	// Skip makes NextID of a counter return numbers larger than past from now on. NextID has just returned drawn, which the
	// caller cannot use and gives up.
	Skip(counter string, drawn, past int64) error

	// MarkChanged says that the transaction writes to these tables. Their generations move when it commits.
	MarkChanged(tables ...string)
}

// ExecThenQuery runs two statements one after the other, for engines that cannot send them together.
func ExecThenQuery(tx Tx, change, read Statement, row func(value.Row) error) error {
	if _, err := tx.Exec(change.SQL, change.Args); err != nil {
		return err
	}
	return tx.Query(read.SQL, read.Args, row)
}

// Session is a connection on which tables are defined or altered. On SQLite it does not enforce foreign keys, so a table can
// be replaced while others refer to it. The caller then looks for references to missing rows before it commits.
type Session interface {
	// Query and Exec are as in Tx. Outside of a Transaction each statement commits by itself.
	Query(sql string, args []value.Value, row func(value.Row) error) error
	Exec(sql string, args []value.Value) (changed int64, err error)

	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect

	// Transaction runs f in one transaction, all or nothing. If several processes serve the database, f waits only a moment
	// for the lock of a table, because everyone who comes later would queue behind it. The engine then runs f again, until
	// it gets all its locks. So f may run more than once, and resets what it fills.
	Transaction(f func() error) error

	// MarkChanged moves the generations of tables, in the transaction under way.
	MarkChanged(tables ...string) error

	// MoveCounter gives a counter of Tx.NextID another name, in the transaction under way. It replaces a counter that has
	// the new name. It is no error if the counter does not exist.
	MoveCounter(from, to string) error
}
