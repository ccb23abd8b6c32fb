package start

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The kinds of statements besides job.RowsKind.
const (
	kindDue byte = iota + 100
	kindPage
)

// Due reports whether a timer still holds when it runs: the row exists, its time is the one of the job, and the condition holds.
// Other jobs are always due.
func (s *Starter) Due(ctx context.Context, j *job.Job) (holds bool, err error) {
	defer errs.Wrap(&err, "start.Due(%s)", j.Name)
	var args struct{ At *int64 }
	if len(j.Args) > 0 && json.Unmarshal(j.Args, &args) != nil {
		args.At = nil
	}
	if args.At == nil {
		return true, nil
	}
	t := s.timer(j.Name)
	if t == nil || t.start.Table.Name != j.Table {
		return false, nil // the model has changed
	}
	id, ok := idOf(t.start.Table, j.Row)
	if !ok {
		return false, nil
	}
	b := s.binding()
	b.BindFilter(&t.slots, nil)
	stmt, err := s.statements.Get(b, kindDue, t.job.Name, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.DueTimer(t.start.Table, t.start.At, t.due)
	})
	if err != nil {
		return false, err
	}
	err = s.db.Read(ctx, func(reader store.Reader) error {
		holds = false
		return b.Query(reader, stmt, []value.Value{id}, func(row value.Row) error {
			holds = !row.Null(0) && row.Int(0) == *args.At && !row.Null(1) && row.Int(1) == 1
			return nil
		})
	})
	return holds, err
}

func (s *Starter) timer(name string) *timer {
	for _, t := range s.timers {
		if t.job.Name == name {
			return t
		}
	}
	return nil
}

// binding returns the server itself as the caller, at this time.
func (s *Starter) binding() *statement.Binding {
	b := statement.NewBinding(s.rules, s.db.Dialect())
	b.Begin(caller.System("timers"), s.queue.Now().UnixMicro())
	return b
}

// idOf returns the id of a row from its text.
func idOf(table *model.Table, text string) (value.Value, bool) {
	switch table.Key {
	case model.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		return value.OfInt(n), err == nil
	case model.UUID:
		id, ok := value.ParseUUID(text)
		return value.OfUUID(id), ok
	}
	return value.OfText(text), true
}
