// Package store is what Ashlar asks of a database engine.
package store

import (
	"context"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Layout is the version of what Ashlar itself keeps in a database: the tables of the engine and of package system. Each
// database is marked with its layout. An engine makes new databases of this layout and refuses later ones. Package system
// migrates older ones.
const Layout = 3

// OldestLayout is the oldest layout that this release brings to Layout.
const OldestLayout = 1

// A LayoutError is the error about a database whose layout this release cannot use.
type LayoutError struct {
	Layout int
	By     string // who changed the database last, with the release; "" if unknown
}

func (e *LayoutError) Error() string {
	by := ""
	if e.By != "" {
		by = ", last changed by " + e.By
	}
	if e.Layout < OldestLayout {
		return fmt.Sprintf("the database is older than this release of Ashlar can upgrade (layout %d%s; this one knows %d to %d): upgrade it first with a release between the two, which docs/upgrades.md names",
			e.Layout, by, OldestLayout, Layout)
	}
	return fmt.Sprintf("the database was written by a later release of Ashlar (layout %d%s; this one knows %d to %d): run that release or a later one, or go back to a copy from before the upgrade, as docs/upgrades.md says",
		e.Layout, by, OldestLayout, Layout)
}

// CheckLayout returns a *LayoutError if this release cannot use a layout. by returns who changed the database last.
func CheckLayout(layout int, by func() string) error {
	if layout >= OldestLayout && layout <= Layout {
		return nil
	}
	return &LayoutError{layout, by()}
}

// A State names one committed state of a database. Equal states have equal rows, in every table. A commit of any program
// makes another state before the program learns that it has committed.
type State [6]uint64

// DB is an open database, with everything that Ashlar asks of its engine. It is safe for concurrent use.
type DB interface {
	// Dialect returns the dialect of the engine's SQL.
	Dialect() sqlgen.Dialect

	// Read runs f against one snapshot of the database. When ctx ends, or the engine's own deadline passes, the engine cuts
	// the statement short. The error is then errs.Unavailable, or what ctx.Err returned. While f works, the engine asks
	// ctx.Err every few milliseconds, from another goroutine. It does not ask ctx after Read has returned.
	Read(ctx context.Context, f func(Reader) error) error

	// State returns the state that a Read would see at least if it began now. It costs no statement. It is unknown if the
	// engine cannot tell without one.
	State() (state State, known bool)

	// Written returns a number that moves when this process writes to a table, before the write is acknowledged.
	Written(table string) int64

	// Readers returns how many reads can run at once, and how many short reads are worth running at once.
	Readers() (all, quick int)

	// Write runs f in a transaction and returns after the commit is durable. It also returns an error of f only after the
	// transaction has ended, because f may have refused on account of a neighbour's row. An error or a panic of f undoes
	// what f did and nothing else. The engine may run f more than once, so f resets what it fills. It is short, and waits
	// for nothing but its own statements.
	Write(ctx context.Context, f func(Tx) error) error

	Scripter
	Sweeper

	// Writable returns why nothing can be written at present, or nil.
	Writable() error

	// CheckWrites finds out whether the database takes writes, by a write that changes nothing. Writable then returns the
	// result.
	CheckWrites(ctx context.Context) error

	// TryWrite is a small write that changes nothing. It costs a commit, so it can be made every few seconds.
	TryWrite(ctx context.Context) error

	// Alter runs f on a connection of its own, to change how tables are defined. One Alter runs at a time among all
	// processes that have the database open. No deadline ends its statements, only ctx does. If f fails, the engine undoes
	// what f had not committed.
	Alter(ctx context.Context, f func(Session) error) error

	// Describe describes a query without running it. The error is a *QueryError if the text of the query is wrong.
	Describe(ctx context.Context, query string) (Description, error)

	Loader
	Copier
	Observer
	Sizer

	// Stats returns counts and the present state, for metrics. What needs a statement is a few seconds old.
	Stats() Stats

	// Plan returns the plan of a statement for people, as EXPLAIN tells it, without running the statement. The statement
	// has its usual parameters, and no values.
	Plan(ctx context.Context, sql string) (string, error)

	// EngineTables returns the names of the tables that the engine keeps for itself. They are no tables of a model.
	EngineTables() []string

	// Close waits for calls under way, then closes. Calls after it fail with errs.Unavailable.
	Close() error
}

// Run runs a write as a script. If the engine refuses the script, Run runs the function f, which says what was wrong. Script
// and function must do the same when nothing is wrong. Errors are the errors of DB.Write.
func Run(ctx context.Context, db DB, write func(revision int64) (*Script, error), f func(Tx) error) error {
	if done, err := db.Script(ctx, write); done || err != nil {
		return err
	}
	return db.Write(ctx, f)
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
