// Package change deletes and updates the rows that jobs name.
package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Config holds what changes need. Only Now may be missing.
type Config struct {
	Rules  *rule.Rules
	Store  store.DB
	Rows   *record.DB
	Caller func(ctx context.Context, of *model.Job, j *job.Job) (caller.Caller, error) // whom the rules see
	Due    func(ctx context.Context, j *job.Job) (bool, error)                         // whether a timer still holds; nil: it does
	Now    func() time.Time                                                            // nil: time.Now
}

// Handlers returns a function for each job of the model that deletes or updates rows, by the name of the job.
func Handlers(cfg Config) (map[string]func(context.Context, *job.Job) error, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	all := map[string]func(context.Context, *job.Job) error{}
	for _, j := range cfg.Rules.Model.Jobs {
		if j.Delete == nil && j.Update == nil {
			continue
		}
		w := &work{Config: cfg, job: j, table: j.Table}
		var err error
		if w.cond, err = cfg.Rows.NewCondition(w.table, "job "+j.Name, cfg.Rules.Job(j).Change); err != nil {
			return nil, err
		}
		all[j.Name] = w.run
	}
	return all, nil
}

// work is one job of the model.
type work struct {
	Config
	job   *model.Job
	table *model.Table
	cond  *record.Condition
}

// batch is how many rows one transaction changes. Other writers of SQLite wait for it.
const batch = 100

// spare is the time before the end of an attempt in which no batch begins.
const spare = 2 * time.Second

// outcome counts what an attempt did.
type outcome struct {
	Changed int `json:"changed"`
	Refused int `json:"refused,omitempty"`

	first error // of the refused ones
}

func (w *work) run(ctx context.Context, j *job.Job) error {
	who, err := w.Caller(ctx, w.job, j)
	if err != nil {
		return err
	}
	if w.job.AboutRow() {
		return w.runRow(ctx, who, j)
	}
	var done outcome
	after := value.Value{}
	for {
		ids, err := w.Rows.Find(ctx, who, w.cond, after, batch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return done.end(j)
		}
		if err := w.changeAll(ctx, who, ids, &done); err != nil {
			return err
		}
		after = ids[len(ids)-1]
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < spare && done.Changed > 0 {
			return job.ErrMore // an attempt with progress is no failure
		}
	}
}

// runRow changes the one row that the job is about.
func (w *work) runRow(ctx context.Context, who caller.Caller, j *job.Job) error {
	if w.Due != nil && w.job.At != nil {
		if holds, err := w.Due(ctx, j); err != nil || !holds {
			return err
		}
	}
	id, ok := value.ParseID(w.table, j.Row)
	if !ok {
		return job.Permanent(fmt.Errorf("the job is about no row of %s", w.table.Name))
	}
	var done outcome
	if err := w.changeAll(ctx, who, []value.Value{id}, &done); err != nil {
		return err
	}
	return done.end(j)
}

// end returns the error of a job that the rules refused rows.
func (o *outcome) end(j *job.Job) error {
	if o.Refused > 0 {
		return job.Permanent(fmt.Errorf("%d rows were changed, and %d refused, the first: %w", o.Changed, o.Refused, o.first))
	}
	if result, err := json.Marshal(o); err == nil {
		j.SetResult(result)
	}
	return nil
}

// changeAll changes rows in one transaction. If one of them is refused, each has a transaction of its own.
func (w *work) changeAll(ctx context.Context, who caller.Caller, ids []value.Value, done *outcome) error {
	n, err := w.change(ctx, who, ids)
	if err == nil || !isRefusal(err) {
		done.Changed += n
		return err
	}
	for _, id := range ids {
		n, err := w.change(ctx, who, []value.Value{id})
		if record.ReachesMany(err) {
			n, err = 1, w.Rows.Delete(ctx, who, w.table, id, nil)
		}
		switch {
		case err == nil:
			done.Changed += n
		case !isRefusal(err):
			return err
		default:
			if done.Refused++; done.first == nil {
				done.first = fmt.Errorf("row %s: %w", shown(id), err)
			}
		}
	}
	return nil
}

// isRefusal reports whether an error is about a row, and not about the database.
func isRefusal(err error) bool {
	refusals := []errs.Kind{errs.Forbidden, errs.Unauthenticated, errs.Conflict, errs.Invalid, errs.NotFound}
	return slices.Contains(refusals, errs.KindOf(err))
}

// change changes the rows for which the condition still holds, in one transaction, and returns how many.
func (w *work) change(ctx context.Context, who caller.Caller, ids []value.Value) (n int, err error) {
	err = w.Store.Write(ctx, func(tx store.Tx) error {
		n = 0
		rows := w.Rows.In(tx, who)
		defer rows.Done()
		members := w.newValues()
		for _, id := range ids {
			holds, err := rows.Holds(w.cond, id)
			if err != nil {
				return err
			}
			if !holds {
				continue
			}
			if w.job.Update == nil {
				err = rows.Delete(w.table, id, nil)
			} else {
				_, err = rows.Update(w.table, id, members, nil)
			}
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// newValues returns the members of an update: its expressions are about now.
func (w *work) newValues() (members []value.Member) {
	if w.job.Update == nil {
		return nil
	}
	env := &rule.Env{Now: w.Now().UnixMicro()}
	for i, node := range w.Rules.Job(w.job).Set {
		v, ok := rule.Eval(node, env)
		if !ok {
			v = value.Value{} // an expression that fails has no value
		}
		field := w.job.Update.Set[i].Field
		members = append(members, value.Member{Name: field.Name, Raw: value.AppendMember(nil, field, v)})
	}
	return members
}

func shown(id value.Value) string { return string(value.AppendValue(nil, id)) }
