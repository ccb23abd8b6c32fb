package job

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Edit is how a job shall be that has not started yet.
type Edit struct {
	Args     []byte    // JSON; empty: none
	RunAt    time.Time // a past time makes the job wait
	Priority int

	State     string    // the state that the editor saw
	UpdatedAt time.Time // and when the job had changed last

	Also func(tx store.Tx) error // runs in the same transaction; nil: nothing does
}

// MayEdit reports whether the jobs of a queue may be edited. Whoever could send the mail with somebody's code to another address
// would be let in as them.
func (q *Queue) MayEdit(queue string) bool {
	c := q.queues[queue]
	return c == nil || !c.Fixed
}

// requireEditable refuses the jobs of a queue whose jobs are fixed.
func (q *Queue) requireEditable(tx store.Tx, id string) error {
	sql := system.Numbered(q.db.Dialect(), `SELECT queue FROM ashlar_jobs WHERE id = $1`)
	may := true
	err := tx.Query(sql, []value.Value{value.OfUUID(id)}, func(row value.Row) error {
		may = q.MayEdit(textOf(row, 0))
		return nil
	})
	if err == nil && !may {
		return errs.New(errs.Invalid, "the job is the server's own, and cannot be edited")
	}
	return err
}

const editJob = `UPDATE ashlar_jobs SET args = $1, run_at = $2, rank = $3, state = $4, turn_at = $5, updated_at = $6
WHERE id = $7 AND state = $8 AND updated_at = $9 AND state IN ('scheduled', 'waiting')`

// Edit changes a job that is scheduled or waits. If it is not as the editor saw it, the error is of the kind errs.Conflict.
func (q *Queue) Edit(ctx context.Context, id string, e Edit) error {
	now := q.now()
	args := value.Value{}
	switch {
	case e.Priority < 0 || e.Priority > MaxPriority:
		return errs.New(errs.Invalid, "the priority of a job is a number from 0 to %d", MaxPriority)
	case len(e.Args) > MaxArgs:
		return errs.New(errs.Invalid, "the arguments of a job have %d bytes, and at most %d are accepted", len(e.Args), MaxArgs)
	case len(e.Args) > 0 && (!jsontext.Value(e.Args).IsValid() || jsontext.Value(e.Args).Kind() != '{'):
		return errs.New(errs.Invalid, "the arguments of a job are a JSON object")
	case len(e.Args) > 0:
		args = value.OfJSON(string(e.Args))
	}
	state, turnAt := waiting, value.Value{}
	if e.RunAt.After(now) {
		state, turnAt = scheduled, stamp(e.RunAt)
	}
	sql := system.Numbered(q.db.Dialect(), editJob)
	err := q.write(ctx, func(tx store.Tx) error {
		if err := q.requireEditable(tx, id); err != nil {
			return err
		}
		changed, err := tx.Exec(sql, []value.Value{
			args, stamp(e.RunAt), value.OfInt(int64(MaxPriority - e.Priority)), value.OfText(state), turnAt, stamp(now),
			value.OfUUID(id), value.OfText(e.State), stamp(e.UpdatedAt),
		})
		switch {
		case err != nil:
			return err
		case changed == 0:
			return errs.New(errs.Conflict, "the job has changed since the page was made, so it was not edited: look at it again")
		case e.Also != nil:
			return e.Also(tx)
		}
		return nil
	})
	if err == nil {
		q.arrivals.wakeAll()
	}
	return err
}
