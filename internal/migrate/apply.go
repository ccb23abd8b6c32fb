package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Result is what Apply did.
type Result struct {
	Created bool     // the database was new
	Applied []string // the changes of an older database, in a few words each
	Notes   []Note   // see Plan
	Copy    string   // of the database as it was; "" for none
	Resumed string   // what an interrupted change had left behind, and what was done about it; "" for nothing
}

// HazardError is a plan that does what was not allowed. Nothing was done.
type HazardError struct {
	Plan    *Plan
	Hazards Hazards  // that Options.Hazards does not have
	Drops   []string // that Options.Allow does not name
}

func (e *HazardError) Error() string {
	if len(e.Drops) > 0 {
		return "the change loses data: allow it by name: --allow drop:" + strings.Join(e.Drops, " --allow drop:")
	}
	return "the change is not safe beside servers at work: " + e.Hazards.String()
}

// Apply brings a database to the model: what was interrupted before is taken back or finished first, then the plan is
// made and carried out. It does all or nothing. What rows contradict, and changes that there is no way for, are returned
// as schema.Faults, which point into the model; hazards that the options do not allow as *HazardError. The database is
// then as it was.
func Apply(ctx context.Context, db store.DB, rules *rule.Rules, o Options) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Apply(%s)", rules.Model.Name)
	done, err := upToDate(ctx, db, rules.Model)
	if err != nil || done {
		return Result{}, err
	}
	err = db.Alter(ctx, func(s store.Session) error {
		r := &run{ctx: ctx, s: s, o: o, to: rules.Model, dialect: dialectOf(s)}
		defer func() { result = r.result }()
		if err := r.resume(); err != nil {
			return err
		}
		p, err := plan(s, rules, o.now())
		if err != nil {
			return err
		}
		if p.isNew {
			r.result.Created = true
			return r.create()
		}
		return r.apply(p)
	})
	return result, err
}

// upToDate says whether there is nothing to do.
func upToDate(ctx context.Context, db store.DB, m *schema.Model) (done bool, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		text, found, err := Meta(r, modelKey)
		if err != nil || !found || text != string(schema.Encode(m)) {
			return err
		}
		if err := Moving(r); err != nil {
			return err
		}
		all, err := entries(r)
		done = !slices.ContainsFunc(all, func(e record) bool { return e.State == Preparing || e.State == Finishing })
		return err
	})
	return done, err
}

// run is a plan while it is carried out.
type run struct {
	ctx     context.Context
	s       store.Session
	o       Options
	to      *schema.Model
	dialect ddl.Dialect
	entry   record
	result  Result
}

// create makes the tables of a new database.
func (r *run) create() error {
	return r.s.Transaction(func() error {
		r.begin(nil)
		r.entry.Changes = []string{"the database was made"}
		if err := r.makeSystem(); err != nil {
			return err
		}
		for _, sql := range ddl.Create(r.dialect, r.to) {
			if err := r.exec(part{sql: sql}); err != nil {
				return err
			}
		}
		if err := r.store(); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

// makeSystem makes the tables of this package, where they are not there.
func (r *run) makeSystem() error {
	for _, sql := range []string{metaOf(r.dialect), historyOf(r.dialect)} {
		if _, err := r.s.Exec(sql, nil); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) begin(p *Plan) {
	r.entry = record{Entry: Entry{State: Preparing, Started: r.o.now(), By: r.o.By, Model: string(schema.Encode(r.to)), Copy: r.result.Copy, Changes: []string{}, Steps: []Ran{}}}
	if p != nil {
		r.entry.Changes, r.entry.given = words(p.Changes), p.given
	}
}

// store makes the model the stored one.
func (r *run) store() error {
	_, err := r.s.Exec(upsertMeta, []value.Value{value.OfText(modelKey), value.OfText(string(schema.Encode(r.to)))})
	return err
}

// finish writes down what was done; fresh says that the entry is not stored yet.
func (r *run) finish(state State, fresh bool) error {
	r.entry.State = state
	if state == Done || state == Undone {
		r.entry.Finished, r.entry.todo = r.o.now(), todo{}
	}
	if fresh {
		return r.entry.insert(r.s)
	}
	return r.entry.update(r.s)
}

// permitted returns an error where a plan does what was not allowed.
func (r *run) permitted(p *Plan) error {
	if len(p.faults) > 0 {
		return p.faults
	}
	for _, name := range r.o.Allow {
		if len(p.Steps) > 0 && !slices.Contains(p.Drops(), name) {
			return errs.New(errs.Invalid, "the change does not drop %s: what it drops is named by --plan", name)
		}
	}
	e := &HazardError{Plan: p, Hazards: p.Hazards() &^ (r.o.Hazards | BlocksWrites | LosesData)}
	for _, drop := range p.Drops() {
		if !slices.Contains(r.o.Allow, drop) {
			e.Drops, e.Hazards = append(e.Drops, drop), e.Hazards|LosesData
		}
	}
	if e.Hazards != 0 {
		return e
	}
	return nil
}

func (r *run) apply(p *Plan) error {
	if err := r.permitted(p); err != nil {
		return err
	}
	if r.o.Copy != nil && p.Hazards()&(Rewrites|LosesData) != 0 {
		r.progress("copying the database", "")
		var err error
		if r.result.Copy, err = r.o.Copy(r.ctx); err != nil {
			return fmt.Errorf("before a change that rewrites or loses data, a copy is made: %w", err)
		}
	}
	r.result.Applied, r.result.Notes = words(p.Changes), p.Notes
	defer r.done()
	if r.dialect == ddl.SQLite {
		return r.atOnce(p)
	}
	return r.inPhases(p)
}

func words(changes []schema.Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return all
}

// atOnce carries out a plan in one transaction.
func (r *run) atOnce(p *Plan) error {
	return r.s.Transaction(func() error {
		r.begin(p)
		if err := r.makeSystem(); err != nil {
			return err
		}
		for _, s := range p.Steps {
			if err := r.step(s); err != nil {
				return err
			}
		}
		if p.Hazards()&(Rewrites|LosesData) != 0 { // else no row has left, and none has another key
			if err := r.checkReferences(); err != nil {
				return err
			}
		}
		if err := r.switchTo(p); err != nil {
			return err
		}
		return r.finish(Done, true)
	})
}

// switchTo makes the model the stored one, with what goes by the names of tables.
func (r *run) switchTo(p *Plan) error {
	var counters []rename
	touched := map[string]bool{}
	for _, t := range p.match.New.Tables {
		if was := p.match.Was(t); was != nil && was.Name != t.Name {
			counters = append(counters, rename{"id:" + was.Name, "id:" + t.Name})
		}
	}
	for _, c := range p.Changes {
		for _, t := range []*schema.Table{c.WasTable, c.IsTable} {
			if t != nil {
				touched[t.Name] = true
			}
		}
	}
	for _, c := range inOrder(counters) {
		if err := r.s.MoveCounter(c.from, c.to); err != nil {
			return err
		}
	}
	for name := range touched {
		if err := r.s.Touch(name); err != nil {
			return err
		}
	}
	return r.store()
}

// checkReferences looks for rows that refer to nothing, since foreign keys are not enforced meanwhile.
func (r *run) checkReferences() error {
	broken, err := hasRow(r.s, "PRAGMA foreign_key_check")
	if err != nil || !broken {
		return err
	}
	var faults schema.Faults
	for _, t := range r.to.Tables {
		for _, f := range t.Fields {
			if f.Ref == nil {
				continue
			}
			found, err := search(r.s, t, orphans(f, f.Ref))
			if err != nil {
				return err
			}
			if found.rows > 0 {
				faults = append(faults, r.to.Fault(f.Pos, "%s.%s: %v in the way; %s", t.Name, f.Name, found, noSuchRows(f)))
			}
		}
	}
	if faults == nil {
		return errs.New(errs.Conflict, "rows of tables that are not the model's would refer to nothing: see PRAGMA foreign_key_check")
	}
	return faults.Sort()
}

// inPhases carries out a plan beside servers at work.
func (r *run) inPhases(p *Plan) error {
	r.begin(p)
	for _, s := range slices.Backward(p.Steps) {
		for _, a := range slices.Backward(s.parts) {
			if a.undo != "" {
				r.entry.todo.Undo = append(r.entry.todo.Undo, a.undo)
			}
		}
	}
	err := r.s.Transaction(func() error {
		if err := r.makeSystem(); err != nil {
			return err
		}
		return r.entry.insert(r.s)
	})
	if err != nil {
		return err
	}
	if err := r.toSwitch(p); err != nil {
		return errors.Join(err, r.undo())
	}
	return r.after()
}

// toSwitch carries out what is before the switch, and the switch.
func (r *run) toSwitch(p *Plan) error {
	for _, s := range p.Steps {
		if s.Phase == Before {
			if err := r.stepBefore(s); err != nil {
				return err
			}
		}
	}
	ran, undo := len(r.entry.Steps), r.entry.todo
	return r.s.Transaction(func() error {
		r.entry.Steps, r.entry.State, r.entry.todo = r.entry.Steps[:ran], Preparing, undo
		for _, s := range p.Steps {
			if s.Phase == Switch {
				if err := r.step(s); err != nil {
					return err
				}
			}
		}
		if err := r.switchTo(p); err != nil {
			return err
		}
		r.entry.todo = todo{After: laterOf(p)}
		return r.finish(Finishing, false)
	})
}

func laterOf(p *Plan) (all []later) {
	for _, s := range p.Steps {
		if s.Phase != After {
			continue
		}
		for _, a := range s.parts {
			l := later{SQL: a.sql, Alone: a.alone}
			if a.loop != nil {
				l.Loop, l.Table = true, a.loop.table()
			}
			all = append(all, l)
		}
	}
	return all
}

// stepBefore runs a step whose statements commit one by one, or together where they take locks.
func (r *run) stepBefore(s Step) error {
	r.progress(s.Title, "")
	if s.parts[0].alone || s.parts[0].loop != nil {
		for _, a := range s.parts {
			if err := r.exec(a); err != nil {
				return r.explain(s, err)
			}
		}
		return nil
	}
	ran := len(r.entry.Steps)
	return r.explain(s, r.s.Transaction(func() error {
		r.entry.Steps = r.entry.Steps[:ran]
		for _, a := range s.parts {
			if err := r.exec(a); err != nil {
				return err
			}
		}
		return nil
	}))
}

// step runs a step inside the transaction.
func (r *run) step(s Step) error {
	r.progress(s.Title, "")
	for _, a := range s.parts {
		if err := r.exec(a); err != nil {
			return r.explain(s, err)
		}
	}
	return nil
}

// explain says of a constraint that rows contradict what the model asks; the rest is passed on.
func (r *run) explain(s Step, err error) error {
	c, refused := errors.AsType[*store.ConstraintError](err)
	if !refused {
		return err
	}
	what := map[store.Constraint]string{store.Unique: "rows have the same values", store.ForeignKey: "rows refer to rows that are not there",
		store.Other: "rows have values that the model does not allow"}[c.Constraint]
	return errors.Join(schema.Faults{r.to.Fault(s.Pos, "%s: %s; change them first", s.Title, what)}, err)
}

// exec runs one part and writes it down.
func (r *run) exec(a part) (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.o.step != nil {
		if err := r.o.step(a.sql); err != nil {
			return err
		}
	}
	start := time.Now()
	if a.loop != nil {
		err = r.loop(a)
	} else {
		_, err = r.s.Exec(a.sql, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.sql, err)
	}
	took := time.Since(start)
	r.entry.Steps = append(r.entry.Steps, Ran{SQL: a.sql, Millis: took.Milliseconds(), Took: took})
	return nil
}

func (r *run) loop(a part) error {
	if table := a.loop.table(); table != "" {
		r.progress(a.sql, table)
	}
	return a.loop.run(r.s, func(rows int64) {
		if r.o.Progress != nil {
			r.o.Progress.Add(rows)
		}
	})
}

// progress tells what is done now. A table's rows are counted where each of them is looked at.
func (r *run) progress(name, table string) {
	if r.o.Progress == nil {
		return
	}
	total := int64(0)
	if table != "" {
		total, _ = count(r.s, "SELECT count(*) FROM "+ddl.Quote(table)) // without it there is no bar
	}
	r.o.Progress.Step(strings.TrimPrefix(name, "-- "), total)
}

func (r *run) done() {
	if r.o.Progress != nil {
		r.o.Progress.Done()
	}
}
