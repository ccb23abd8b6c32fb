package postgres

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// guard is the guard of a Read or of a transaction: see store.Reader. It goes out in the packet of the next statement, so it
// costs no round trip.
type guard struct {
	step    store.Step
	set     bool
	waits   bool  // for the next statement
	refused error // step.Refused, once the guard has refused
}

// errGuard says that a guard has refused a statement.
var errGuard = errors.New("the guard has refused")

func newGuard(step store.Step) guard { return guard{step: step, set: true, waits: true} }

// again makes the guard run again, on another connection.
func (g *guard) again() { g.waits = g.set }

// judge notes the outcome of the step. no is an error of its Row.
func (g *guard) judge(rows int, no error) {
	g.waits = false
	if rows == 0 || no != nil {
		g.refused = g.step.Refused
	}
}

// settle runs a guard that no statement has taken along, by query. It returns why the guard refuses, or nil.
func (g *guard) settle(query func(sql string, args []value.Value, row func(value.Row) error) error) error {
	if !g.waits {
		return g.refused
	}
	g.waits = false
	rows := 0
	var no error
	err := query(g.step.SQL, g.step.Args, func(row value.Row) error {
		if rows++; g.step.Row != nil && no == nil {
			no = g.step.Row(row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.judge(rows, no)
	return g.refused
}

// prepareGuard prepares and binds a guard that waits. It returns the statements that must still be sent before.
func (s *session) prepareGuard(with envelope) (st *statement, params [][]byte, before []string, err error) {
	if with.guard == nil || !with.guard.waits {
		return nil, nil, with.before, nil
	}
	if st, before, err = s.prepare(with.guard.step.SQL, with.before); err != nil {
		return nil, nil, nil, err
	}
	if params, err = s.c.guardBinder.bind(st, with.guard.step.Args); err != nil {
		return nil, nil, nil, engine.Internal(err)
	}
	return st, params, before, nil
}

// receiveGuard reads the result of a guard that was sent, lets the guard judge it, and returns the number of its rows.
func (s *session) receiveGuard(st *statement, g *guard) (rows int, err error) {
	var no error
	rows, _, err = s.rows(st, func(row value.Row) {
		if g.step.Row != nil && no == nil {
			no = guardedRow(g.step.Row, row)
		}
	})
	if err == nil {
		g.judge(rows, no)
	}
	return rows, err
}
