package sqlite

import (
	"cmp"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// errRefused is the error of a script that a constraint or a row refused. Its function will say why.
var errRefused = errors.New("a script was refused")

// runScript runs the statements of a script, without the ones of a batch. The caller undoes what they did if there is an error.
func (c *conn) runScript(script *store.Script) error {
	return background.Guard("a script", func() error {
		for i := range script.Steps {
			if script.Steps[i].Batch != nil {
				continue
			}
			if err := c.runStep(&script.Steps[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// runBatches runs the steps that the scripts of the transaction have left for later.
func (w *writer) runBatches() error {
	defer w.batches.Clear()
	chunks := w.batches.Chunks()
	for i := range chunks {
		chunk, began := &chunks[i], time.Now()
		if _, err := w.conn.change(chunk.SQL, chunk.Args); err != nil {
			return refusedBy(err)
		}
		chunk.Note(began)
	}
	return nil
}

// runStep runs one statement of a script. Its Row judges each row of the result where it stands, without a copy.
func (c *conn) runStep(step *store.Step) error {
	began := c.clock()
	rows, err := c.judge(step)
	c.note(step.SQL, began, rows)
	return err
}

// judge returns the number of rows that the step returned or changed.
func (c *conn) judge(step *store.Step) (n int, err error) {
	stmt, err := c.begin(step.SQL, step.Args)
	if err != nil {
		return 0, err
	}
	defer c.statements.release(stmt)
	for {
		more, err := stmt.raw.Step()
		c.noteWrite(stmt, more, err)
		switch {
		case err != nil:
			return n, refusedBy(c.translate(err, step.SQL))
		case !more && n == 0 && step.NeedsRow():
			return 0, cmp.Or(step.Refused, errRefused)
		case !more && n == 0 && stmt.changes:
			return c.raw.Changes(), nil
		case !more:
			return n, nil
		}
		n++
		if step.Row != nil && step.Row(stmt) != nil {
			return n, cmp.Or(step.Refused, errRefused)
		}
	}
}

// refusedBy returns errRefused for the error of a constraint, and every other error as it is.
func refusedBy(err error) error {
	if _, ok := errors.AsType[*store.ConstraintError](err); ok {
		return errRefused
	}
	return err
}
