package store

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// Script is a write of which all statements are known before the first of them runs, so that an engine can send them
// together, and with those of others.
type Script struct {
	Steps  []Step
	Tables []string // as for Tx.Touch

	// Order places a script among those that are committed together: what locks the same rows is to lock them in the
	// same order everywhere. Scripts that lock no row that another may want need none.
	Order string

	// Apart keeps a script out of the transactions of others: it may wait for another transaction in an order that is not
	// that of Order, as where it sets what is unique, and others would wait with it.
	Apart bool
}

// Step is one statement of a script.
type Step struct {
	Statement

	// Row takes each row of the result. Where it returns an error, or there is none to take, the script is refused. It is
	// nil for a statement without rows. It must not wait for anything, may run on another goroutine, and may be called
	// again for another run, so it resets what it fills.
	Row func(value.Row) error
}

// Scripter runs writes as scripts.
type Scripter interface {
	// Script runs a script in a transaction, perhaps together with others, and returns after the commit is durable. write
	// makes the script from a number as of Tx.Revision. write must not wait for anything.
	//
	// Without an error, done says whether the script was committed. It was not, and left nothing, if write returned nil, if
	// a constraint or a Row refused it, or if the engine cannot run a script at the moment. The caller then runs a
	// function, which finds out the reason.
	Script(ctx context.Context, write func(revision int64) (*Script, error)) (done bool, err error)
}

// Run runs a write as a script. If the engine refuses the script, Run runs the function f, which says what was wrong.
// Script and function must do the same when nothing is wrong. Errors are those of DB.Write.
func Run(ctx context.Context, db DB, write func(revision int64) (*Script, error), f func(Tx) error) error {
	if done, err := db.Script(ctx, write); done || err != nil {
		return err
	}
	return db.Write(ctx, f)
}
