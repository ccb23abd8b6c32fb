package store

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// Loader is what an engine does beside DB where a whole database is moved into it.
type Loader interface {
	DB

	// Load runs f, for as long as it takes. Who calls it sees to it that nobody else uses the database; where another process
	// loads it as well, Load fails at once. What ctx cuts short stays as it was then. Read and Write work inside of f too.
	Load(ctx context.Context, f func(Load) error) error

	// Numbers returns what the engine has counted, by the counters of these names, without generations: Reader has them.
	Numbers(r Reader, counters []string) (Numbers, error)

	// SetNumbers makes the engine count on from there. What it has counted further itself stays.
	SetNumbers(tx Tx, n Numbers) error
}

// Load puts many rows into the tables of a database that serves nobody yet. References are not checked meanwhile.
type Load interface {
	// Exec runs statements as one transaction.
	Exec(statements ...string) error

	// Copy runs the statements, then puts rows into a table, by the statement that sqlgen.LoadWhole wrote for it. next returns
	// the values of a row, which are not kept, or nil behind the last; its error ends the copying and is returned. Some of
	// the rows may then be there.
	Copy(create []string, into string, next func() ([]value.Value, error)) error

	// CheckReferences returns a *ConstraintError where a row refers to one that is not there.
	CheckReferences() error
}

// Numbers are what an engine counts.
type Numbers struct {
	Revision    int64            // no row has a larger one
	Counters    map[string]int64 // the last number that Tx.Next gave
	Generations map[string]int64 // by table
}
