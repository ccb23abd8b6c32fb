package store

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// Loader takes in a whole database that is moved from another engine.
type Loader interface {
	// Load runs f, without a deadline. The caller makes sure that nobody else uses the database. Load fails at once if
	// another process is loading it. If ctx ends, what was loaded until then stays. f may call Read and Write.
	Load(ctx context.Context, f func(Load) error) error

	// Numbers returns the revision and the counters of these names. It leaves out generations: Reader has them.
	Numbers(r Reader, counters []string) (Numbers, error)

	// SetNumbers makes the engine count on from n. A counter that is already further stays.
	SetNumbers(tx Tx, n Numbers) error
}

// Load puts many rows into the tables of a database that serves nobody yet. References are not checked meanwhile.
type Load interface {
	// Exec runs statements as one transaction.
	Exec(statements ...string) error

	// Copy runs the statements, then puts rows into a table, with the statement of sqlgen.RawTable.Load. next returns
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
