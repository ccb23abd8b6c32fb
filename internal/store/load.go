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

// Load puts many rows into the tables of a database that serves nobody yet. The engine does not check references until
// CheckReferences.
type Load interface {
	// Exec runs statements as one transaction.
	Exec(statements ...string) error

	// Copy runs the statements in create, then puts rows into a table by the statement into, which sqlgen.LoadWhole wrote.
	//
	// next returns the values of a row, which Copy does not keep, and nil after the last row. An error of next ends the copy
	// and is returned. Some of the rows may then be there.
	Copy(create []string, into string, next func() ([]value.Value, error)) error

	// CheckReferences returns a *ConstraintError if a row refers to a missing one.
	CheckReferences() error
}

// Numbers are what an engine counts.
type Numbers struct {
	Revision    int64            // at least the revision of every row
	Counters    map[string]int64 // the last number that Tx.NextID gave
	Generations map[string]int64 // by table
}
