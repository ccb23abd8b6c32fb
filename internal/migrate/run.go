package migrate

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// run carries out a plan.
type run struct {
	ctx    context.Context
	s      store.Session
	o      Options
	to     *model.Model // model of the app
	own    *model.Model // the system tables
	engine engine
	entry  entryRow
	result Result
	trace  telemetry.TraceContext // of all steps; zero for a new database, whose steps have no records
}

// create makes the tables of a new database.
func (r *run) create() error {
	return r.s.Transaction(func() error {
		r.begin(nil)
		r.entry.Changes = []string{"the database was made"}
		for _, sql := range sqlgen.Create(r.engine.Dialect(), models{r.to, r.own}.whole()) {
			if err := r.exec(plan.Part{SQL: sql}); err != nil {
				return err
			}
		}
		if err := r.store(); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

func (r *run) begin(planned *plan.Plan) {
	r.entry = entryRow{Entry: Entry{State: Preparing, Started: r.o.now(), By: r.o.By, Model: string(snapshot.Encode(r.to)), Copy: r.result.Copy, Changes: []string{}, Steps: []StepLog{}}}
	if planned != nil {
		r.trace = telemetry.TraceContext{}.Begin()
		r.entry.Changes, r.entry.backfills = plan.DescribeAll(planned.Changes), planned.Backfills
	}
}

// store makes both models the stored ones.
func (r *run) store() error {
	if err := system.SetAltering(r.s, system.ModelKey, string(snapshot.Encode(r.to)), r.o.now()); err != nil {
		return err
	}
	if err := r.storeRelease(); err != nil {
		return err
	}
	return system.StoreModel(r.s, r.own, r.o.now())
}

// finish stores the entry in its last state. fresh says that the entry is not stored yet.
func (r *run) finish(state State, fresh bool) error {
	r.entry.State = state
	if state == Done || state == Undone {
		r.entry.Finished, r.entry.remaining = r.o.now(), remaining{}
	}
	if fresh {
		return r.entry.insert(r.s, r.o.now())
	}
	return r.entry.update(r.s, r.o.now())
}

// step runs a step in the transaction.
func (r *run) step(step plan.Step) error {
	r.progress(step.Title, "")
	for _, part := range step.Parts {
		if err := r.exec(part); err != nil {
			return r.explain(step, err)
		}
	}
	return nil
}

// explain turns the error of a constraint into a fault about the rows. It returns other errors unchanged.
func (r *run) explain(step plan.Step, err error) error {
	c, refused := errors.AsType[*store.ConstraintError](err)
	if !refused {
		return err
	}
	what := map[store.Constraint]string{store.Unique: "rows have the same values", store.ForeignKey: "rows refer to rows that are not there",
		store.Other: "rows have values that the model does not allow"}[c.Constraint]
	return errors.Join(model.Faults{r.to.Fault(step.Pos, "%s: %s; change them first", step.Title, what)}, err)
}

// exec runs one part and adds it to the entry.
func (r *run) exec(a plan.Part) (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.o.step != nil {
		if err := r.o.step(a.Text()); err != nil {
			return err
		}
	}
	start := time.Now()
	defer func() { r.record(a, start, err) }()
	if a.Loop != nil {
		err = r.loop(a)
	} else {
		_, err = r.s.Exec(a.SQL, nil)
	}
	if err != nil {
		return err
	}
	took := time.Since(start)
	r.entry.Steps = append(r.entry.Steps, StepLog{SQL: a.Text(), Millis: took.Milliseconds(), Took: took})
	return nil
}

// record makes the record of a part that began at start.
func (r *run) record(a plan.Part, start time.Time, err error) {
	if r.o.Records == nil || r.trace == (telemetry.TraceContext{}) {
		return
	}
	took := time.Since(start)
	rec := &telemetry.Record{
		Work: telemetry.WorkMigration, ID: r.trace.Span.String(), Start: start, Duration: took, Weight: 1,
		Caller: r.o.By, Operation: "migrate", Err: err,
	}
	if err != nil {
		rec.Problem = errs.KindOf(err)
	}
	rec.Join(r.trace)
	rec.Add(a.Text(), start, took, 0)
	r.o.Records.Take(rec)
}

func (r *run) loop(a plan.Part) error {
	if table := a.Loop.Table(); table != "" {
		r.progress(a.Label(), table)
	}
	return a.Loop.Run(r.s, func(rows int64) {
		if r.o.Progress != nil {
			r.o.Progress.Add(rows)
		}
	})
}

// progress begins a step of the progress. It counts the rows of table, unless that is "".
func (r *run) progress(name, table string) {
	if r.o.Progress == nil {
		return
	}
	total := int64(0)
	if table != "" {
		total, _ = plan.Count(r.s, "SELECT count(*) FROM "+sqlgen.Quote(table)) // on an error there is no bar
	}
	r.o.Progress.Step(name, total)
}

func (r *run) endProgress() {
	if r.o.Progress != nil {
		r.o.Progress.Done()
	}
}
