package job

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A State is how far a job has come.
type State struct {
	ID, Name, State, By string
	Attempt, Tries      int
	EnqueuedAt, RunAt   time.Time
	FinishedAt          time.Time // zero: it has not ended
	Result              []byte    // JSON, or nil
}

const (
	stateColumns = `SELECT id, name, state, enqueued_by, attempt, tries, created_at, run_at, finished_at, result FROM ashlar_jobs WHERE `
	selectSame   = stateColumns + `once = $1`
)

// State returns how far a job has come, or an error of the kind errs.NotFound.
func (q *Queue) State(ctx context.Context, id string) (s State, err error) {
	sql := stateColumns + `id = $1`
	if q.db.Dialect() == sqlgen.Postgres {
		sql += `::uuid`
	}
	key, ok := value.ParseUUID(id)
	if !ok {
		return State{}, NoJob(id)
	}
	err = q.read(ctx, func(r store.Reader) error { return stateOf(r, sql, value.OfUUID(key), &s) })
	if err == nil && s.ID == "" {
		err = NoJob(id)
	}
	return s, err
}

// Same returns the job that has a text of Insert.Once, or a State without an id.
func (q *Queue) Same(r store.Reader, once string) (s State, err error) {
	return s, stateOf(r, selectSame, value.OfText(once), &s)
}

func stateOf(r store.Reader, sql string, which value.Value, s *State) error {
	*s = State{}
	return r.Query(sql, []value.Value{which}, func(row value.Row) error {
		*s = State{
			ID: string(row.Bytes(0)), Name: string(row.Bytes(1)), State: string(row.Bytes(2)), By: textOf(row, 3), Attempt: int(row.Int(4)), Tries: int(row.Int(5)),
			EnqueuedAt: time.UnixMicro(row.Int(6)), RunAt: time.UnixMicro(row.Int(7)), Result: bytesOf(row, 9),
		}
		if !row.Null(8) {
			s.FinishedAt = time.UnixMicro(row.Int(8))
		}
		return nil
	})
}

// NoJob is the error for a job that does not exist, or that the caller may not know of.
func NoJob(id string) error { return errs.New(errs.NotFound, "there is no job %s", errs.Clip(id, 60)) }
