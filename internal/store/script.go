package store

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Script is a write whose statements are all known before the first of them runs. So an engine can send them together, and
// with the scripts of others.
type Script struct {
	Steps  []Step
	Tables []string // tables that the steps write to: see Tx.MarkChanged

	// LockOrder is the position of the script in a group. Scripts that lock the same rows must lock them in the same order
	// everywhere. It is "" for a script that locks no row which another may want.
	LockOrder string

	// NoGroup keeps the script out of the transactions of others. Set it for scripts that write unique values: they may wait
	// for locks in another order than LockOrder, and would stall the group.
	NoGroup bool
}

// Step is one statement of a script.
type Step struct {
	Statement

	// Row takes each row of the result. The engine refuses the script if Row returns an error or the result is empty. Row is
	// nil for a statement without rows. It must not wait for anything, and may run on another goroutine. The engine may run
	// the script again, so Row resets what it fills.
	Row func(value.Row) error

	// Refused makes a refusal of this step final: it is the error of the script, and no function runs. An empty result
	// refuses then even if Row is nil. See Reader.Guard.
	Refused error

	// Check names what a guard checks. Guards with the same Check judge the same state of the database alike, so an engine
	// need not run one again that accepted the state. The zero value is no such promise.
	Check GuardCheck

	// Batch lets an engine run this step together with the ones of other scripts that have the same Batch. Statement is what a
	// function runs.
	Batch *Batch
}

// A Batch is a statement that adds a row for each step. An engine may run it after all other statements of the scripts of a
// transaction, and before its functions. So no other statement of a script may depend on the rows, and a step with a Batch has
// values, and neither Row nor Refused. If the statement fails, the engine runs each script alone.
type Batch struct {
	// Statements add 1, 2, 4, … rows. The values of the rows follow each other. Rows whose first value is a text come in its order:
	// an index takes them faster then.
	Statements []string
}

// A GuardCheck says what a guard looks for: a row of a table, and what the row must hold.
type GuardCheck struct {
	Table string
	ID    string
	Stamp int64
}

// NeedsRow reports whether an empty result refuses.
func (s *Step) NeedsRow() bool { return s.Row != nil || s.Refused != nil }

// Scripter runs writes as scripts.
type Scripter interface {
	// Script runs a script in a transaction, perhaps together with others, and returns after the commit is durable. write
	// makes the script from a number as of Tx.Revision. write must not wait for anything.
	//
	// Without an error, done says whether the script was committed. If not, it left nothing. That happens if write returned
	// nil, if a constraint or a Row refused the script, or if the engine cannot run a script at the moment. The caller then
	// runs a function, which finds out the reason. A refusal by a step with Refused is an error.
	Script(ctx context.Context, write func(revision int64) (*Script, error)) (done bool, err error)
}
