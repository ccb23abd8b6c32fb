package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// walks says how many there are, and of how many steps each.
func walks(eng modeltest.Engine) (many, steps int) {
	many, steps = 5, 25
	if eng.Name == "SQLite" {
		many = 16
	}
	if effort.Nightly() {
		steps = 40
	}
	return effort.Cases(many, 200), steps
}

// TestRandomWalk takes databases through random changes of random models, with random rows, and compares what comes of it
// with what the changes mean.
func TestRandomWalk(t *testing.T) {
	effort.SkipRaced(t)
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		random := effort.Seeds(t)
		many, steps := walks(eng)
		seen := map[string]int{}
		for i := range many {
			if !t.Run(fmt.Sprint(i), func(t *testing.T) { walkOnce(t, eng, random(i), steps, seen) }) {
				return
			}
		}
		t.Logf("%d steps: %v", many*steps, seen)
		for _, m := range mutations() {
			if effort.Nightly() && seen[m.name] == 0 {
				t.Errorf("no step did this: %s", m.name)
			}
		}
	})
}

func walkOnce(t *testing.T, eng modeltest.Engine, r *rand.Rand, steps int, seen map[string]int) {
	w := &walk{Rand: r, t: t, e: eng, db: eng.Empty(t), at: time.Date(2026, 2, 3, 4, 5, 6, 789000, time.UTC), seen: seen}
	w.begin()
	for range steps {
		w.writeRows()
		w.step()
	}
	for range 10 {
		w.delete()
	}
}

// walk is a database on its way.
type walk struct {
	*rand.Rand
	t  *testing.T
	e  modeltest.Engine
	db store.DB
	at time.Time
	// shape counts the steps and their undoing. Statements hold it: the engine keeps a prepared statement by its text, and a
	// server starts anew with each model.
	shape int
	is    *world
	to    *world // while a step is under way
	seen  map[string]int
}

// begin makes a first world.
func (w *walk) begin() {
	for {
		empty := &world{last: 1, tables: []*wTable{{uid: 1, name: "users", key: model.UUID}}}
		mut := &mutator{w.Rand, empty, empty.clone()}
		for range 3 {
			mut.addTable()
		}
		if mut.w.load() == nil {
			w.is = mut.w
			break
		}
	}
	if got := mustApply(w.t, w.db, w.is.rules, migrate.Options{}); !got.Created {
		w.t.Fatalf("Apply = %+v, want created", got)
	}
}

func (w *walk) fatalf(format string, args ...any) {
	w.t.Helper()
	w.is.dump(w.t, "the former model")
	if w.to != nil {
		w.t.Logf("the new model:\n%s", w.to.text)
		if planned := w.planned(); planned != nil {
			for _, s := range planned.Steps {
				w.t.Logf("-- %v: %s\n%s", s.Phase, s.Title, strings.Join(s.SQL, ";\n"))
			}
		}
	}
	w.t.Fatalf(format, args...)
}

// planned is the plan of the step, whatever the database has become.
func (w *walk) planned() (planned *plan.Plan) {
	_ = w.db.Read(context.Background(), func(reader store.Reader) (err error) {
		old, err := snapshot.Decode(snapshot.Encode(w.is.rules.Model))
		if err != nil {
			return err
		}
		planned, _ = migrate.PlanBetween(reader, old, w.to.rules.Model, w.at)
		return nil
	})
	return planned
}

// next is a world that is a few edits away, nil where none was found.
func (w *walk) next() (to *world, names []string) {
	for range 30 {
		mut := &mutator{w.Rand, w.is, w.is.clone()}
		names = nil
		edits := 1
		if chance(w.Rand, 50) {
			edits += 1 + w.IntN(5)
		}
		for len(names) < edits {
			e := pick(w.Rand, mutations())
			if e.edit(mut) {
				names = append(names, e.name)
			}
		}
		if mut.settle() && mut.w.load() == nil {
			return mut.w, names
		}
		w.seen["refused by the loader"]++
	}
	return nil, nil
}

func (w *walk) options(drops ...string) migrate.Options {
	return migrate.Options{Hazards: plan.Rewrites | plan.Breaks, Allow: drops, By: "a walk", Now: func() time.Time { return w.at }}
}

func (w *walk) step() {
	to, names := w.next()
	if to == nil {
		return
	}
	w.at = w.at.Add(time.Minute)
	w.shape++
	w.to = to
	defer func() { w.to = nil }()
	outcome := become(w.is, to, w.at, true)
	if len(outcome.wrong) > 0 {
		w.seen["contradicted"]++
		w.refused(outcome)
		return
	}
	for _, n := range names {
		w.seen[n]++
	}
	if len(outcome.drops) > 0 {
		w.needsLeave(outcome)
	}
	if chance(w.Rand, 30) && w.interrupted(outcome) {
		return
	}
	former := w.is
	w.apply(outcome)
	w.arrive(outcome)
	if chance(w.Rand, 25) {
		w.undo(former, outcome)
	}
}

var errInterrupted = errors.New("interrupted by the test")

// interrupted begins the step and ends it at one of its statements, by an error or with its connection. It returns whether
// the change was made all the same.
func (w *walk) interrupted(want *outcome) (arrived bool) {
	w.t.Helper()
	planned, err := migrate.NewPlan(context.Background(), w.db, w.to.rules, w.options())
	if err != nil {
		w.fatalf("Make: %v", err)
	}
	statements := 2
	for _, s := range planned.Steps {
		statements += len(s.Parts)
	}
	at, kill := w.IntN(statements), w.e.Name != "SQLite" && chance(w.Rand, 60)
	options, n := w.options(want.drops...), -1
	options.OnStatement(func(string) error {
		if n++; n != at {
			return nil
		}
		if !kill {
			return errInterrupted
		}
		return killMigrator(w.db)
	})
	w.seen["interrupted"]++
	_, err = migrate.Apply(context.Background(), w.db, w.to.rules, options)
	switch {
	case err == nil:
		w.arrive(want)
		return true
	case !kill && !errors.Is(err, errInterrupted):
		w.fatalf("Apply = %v, interrupted at statement %d of %d", err, at, statements)
	case w.model() != string(snapshot.Encode(w.to.rules.Model)):
		if !kill || chance(w.Rand, 50) {
			w.again(kill)
		}
		return false
	}
	w.seen["interrupted after the switch"]++
	w.apply(want)
	w.arrive(want)
	return true
}

// again starts with the former model after an interruption, which is as if nothing had been.
func (w *walk) again(killed bool) {
	w.t.Helper()
	if killed {
		result, err := migrate.Apply(context.Background(), w.db, w.is.rules, w.options())
		if err != nil || len(result.Applied) > 0 {
			w.fatalf("Apply of the former model = %+v, %v, want nothing but that it is resumed", result, err)
		}
	}
	w.check("an interruption")
}

// killMigrator ends the connection on which tables are changed.
func killMigrator(db store.DB) error {
	return db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'ashlar migrate' AND datname = current_database()`, nil,
			func(value.Row) error { return nil })
	})
}

// model is the stored one.
func (w *walk) model() (text string) {
	err := w.db.Read(context.Background(), func(r store.Reader) (err error) {
		text, _, err = system.Get(r, system.ModelKey)
		return err
	})
	if err != nil {
		w.fatalf("%v", err)
	}
	return text
}

func (w *walk) apply(want *outcome) {
	w.t.Helper()
	if _, err := migrate.Apply(context.Background(), w.db, w.to.rules, w.options(want.drops...)); err != nil {
		w.fatalf("Apply: %v", err)
	}
}

// refused applies a change that rows contradict.
func (w *walk) refused(o *outcome) {
	w.t.Helper()
	_, err := migrate.Apply(context.Background(), w.db, w.to.rules, w.options(o.drops...))
	faults, ok := errors.AsType[model.Faults](err)
	if !ok || len(faults) == 0 {
		w.fatalf("Apply = %v, want faults, since rows contradict: %v", err, o.wrong)
	}
	if len(o.wrong) == 1 && o.inTheWay > 0 && strings.Contains(faults.Error(), " in the way") {
		if want := (plan.Found{Count: int64(o.inTheWay)}).String(); !strings.Contains(faults.Error(), strings.TrimSuffix(want, "(, …)")) {
			w.fatalf("Apply = %v, want %q (%v)", err, want, o.wrong)
		}
	}
	w.check("a change that was refused")
}

// needsLeave applies a change that loses data, without leave.
func (w *walk) needsLeave(want *outcome) {
	w.t.Helper()
	_, err := migrate.Apply(context.Background(), w.db, w.to.rules, w.options())
	hazard, ok := errors.AsType[*migrate.HazardError](err)
	if !ok {
		w.fatalf("Apply without leave to lose %v = %v", want.drops, err)
	}
	slices.Sort(hazard.Drops)
	if diff := cmp.Diff(want.drops, hazard.Drops); diff != "" {
		w.fatalf("drops (-want +got):\n%s", diff)
	}
	w.check("a change that was not allowed")
}

// arrive makes the new world the one that is.
func (w *walk) arrive(want *outcome) {
	w.t.Helper()
	former := w.is
	w.is = w.to.with(want.rows)
	w.to = nil
	if diff := w.different(); diff != "" {
		w.is, w.to = former, w.is
		w.fatalf("after the change: %s", diff)
	}
}

func (w *walk) check(when string) {
	w.t.Helper()
	if diff := w.different(); diff != "" {
		w.fatalf("after %s: %s", when, diff)
	}
}

// different says in what the database is not the world that is.
func (w *walk) different() string {
	if drift, err := migrate.Verify(context.Background(), w.db); err != nil || len(drift) > 0 {
		return fmt.Sprintf("Verify = %s, %v", strings.Join(drift, "\n"), err)
	}
	for _, table := range w.is.tables {
		got, err := w.stored(table)
		if err != nil {
			return err.Error()
		}
		if diff := cmp.Diff(w.is.lines(table), got); diff != "" {
			return fmt.Sprintf("rows of %s (-want +got):\n%s", table.name, diff)
		}
	}
	if p, err := migrate.NewPlan(context.Background(), w.db, w.is.rules, w.options()); err != nil || len(p.Steps)+len(p.Changes)+len(p.Faults()) > 0 {
		return fmt.Sprintf("a second plan = %+v, %v, want nothing to do", p, err)
	}
	return w.left()
}

// left says what a change has left behind that Verify does not look at.
func (w *walk) left() (names string) {
	if w.e.Name == "SQLite" {
		return ""
	}
	err := w.db.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(`SELECT proname::text FROM pg_proc WHERE proname LIKE 'ashlar\_reset%' AND pronamespace = current_schema()::regnamespace`, nil, func(row value.Row) error {
			names += "left behind: the function " + string(row.Bytes(0))
			return nil
		})
	})
	if err != nil {
		return err.Error()
	}
	return names
}

func (w *walk) stored(t *wTable) (lines []string, err error) {
	table := w.is.schema(t)
	var columns []string
	for _, f := range table.Fields {
		columns = append(columns, sqlgen.Quote(f.Name))
	}
	sql := fmt.Sprintf("SELECT %s, %s FROM %s", strings.Join(columns, ", "), sqlgen.Quote(sqlgen.Revision), sqlgen.Quote(t.name))
	err = w.db.Read(context.Background(), func(reader store.Reader) error {
		lines = nil
		return reader.Query(sql, nil, func(row value.Row) error {
			var text strings.Builder
			for i, f := range table.Fields {
				fmt.Fprintf(&text, "%s=%s ", f.Name, value.AppendJSON(nil, f, row, i))
			}
			fmt.Fprintf(&text, "rev=%d", row.Int(len(table.Fields)))
			lines = append(lines, text.String())
			return nil
		})
	})
	slices.Sort(lines)
	return lines, err
}

// writeRows inserts some rows, and takes numbers for ids.
func (w *walk) writeRows() {
	for range w.IntN(4) {
		table := pick(w.Rand, w.is.tables)
		if len(table.rows) > 12 {
			continue
		}
		row := w.is.newRow(w.Rand, table)
		if row == nil {
			continue
		}
		if err := w.insert(table, row); err != nil {
			w.fatalf("insert into %s: %v", table.name, err)
		}
		table.rows = append(slices.Clone(table.rows), row)
	}
}

func (w *walk) insert(table *wTable, row *wRow) error {
	draw, given, n := table.key == model.Int && chance(w.Rand, 50), row.id, table.counter
	err := w.db.Write(context.Background(), func(tx store.Tx) (err error) {
		if draw {
			if n, err = tx.NextID("id:" + table.name); err != nil {
				return err
			}
			if n <= table.counter {
				return fmt.Errorf("the counter of %s gave %d after %d", table.name, n, table.counter)
			}
			if row.id = value.OfInt(n); table.row(row.id) != nil {
				row.id = given
			}
		}
		if row.revision, err = tx.Revision(); err != nil {
			return err
		}
		columns := []string{`"id"`, `"created_at"`, `"updated_at"`, `"_rev"`}
		args := []value.Value{row.id, value.OfTimestamp(row.created), value.OfTimestamp(row.updated), value.OfInt(row.revision)}
		places := []string{"$1", "$2", "$3", "$4"}
		for _, f := range table.fields {
			columns, args = append(columns, sqlgen.Quote(f.column)), append(args, row.values[f.uid])
			places = append(places, fmt.Sprintf("$%d", len(args)))
		}
		tx.MarkChanged(table.name)
		sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) -- %d", sqlgen.Quote(table.name), strings.Join(columns, ", "), strings.Join(places, ", "), w.shape)
		_, err = tx.Exec(sql, args) // a server would not have prepared it under another model
		return err
	})
	table.counter = n
	return err
}

// delete deletes a row, and looks at what its references do.
func (w *walk) delete() {
	table := pick(w.Rand, w.is.tables)
	if len(table.rows) == 0 {
		return
	}
	r := pick(w.Rand, table.rows)
	want, refused := w.is.deletion(table, r)
	err := w.db.Write(context.Background(), func(tx store.Tx) error {
		for _, o := range w.is.tables {
			tx.MarkChanged(o.name)
		}
		_, err := tx.Exec(fmt.Sprintf(`DELETE /* %d */ FROM %s WHERE "id" = $1`, w.shape, sqlgen.Quote(table.name)), []value.Value{r.id})
		return err
	})
	if c, ok := errors.AsType[*store.ConstraintError](err); refused != (ok && c.Constraint == store.ForeignKey) || (err != nil && !ok) {
		w.fatalf("DELETE of %s of %s = %v, want refused %v", show(r.id), table.name, err, refused)
	}
	for _, t := range want.tables {
		got, err := w.stored(t)
		if err != nil {
			w.fatalf("%v", err)
		}
		for _, row := range t.rows {
			if row.revision != -1 {
				continue
			}
			if row.revision, err = w.revision(t, row); err != nil || row.revision == w.is.table(t.uid).row(row.id).revision {
				w.fatalf("the row %s of %s, which lost a reference, has its former revision %d, %v", show(row.id), t.name, row.revision, err)
			}
		}
		if diff := cmp.Diff(want.lines(t), got); diff != "" {
			w.fatalf("rows of %s after %s of %s was deleted (-want +got):\n%s", t.name, show(r.id), t.name, diff)
		}
	}
	w.is = want
}

func (w *walk) revision(table *wTable, row *wRow) (rev int64, err error) {
	err = w.db.Read(context.Background(), func(q store.Reader) error {
		rev, err = plan.Count(q, `SELECT "_rev" FROM `+sqlgen.Quote(table.name)+` WHERE "id" = $1`, row.id)
		return err
	})
	return rev, err
}

// undo takes the last step back, where nothing is lost with it.
func (w *walk) undo(former *world, want *outcome) {
	w.t.Helper()
	is := w.is
	if len(diff.Between(former.rules.Model, is.rules.Model)) == 0 {
		return
	}
	if chance(w.Rand, 30) {
		w.writeRows()
	}
	back := become(is, former, w.at, false)
	w.shape++
	w.to = former // for those who read of a failure
	defer func() { w.to = nil }()
	_, err := migrate.Undo(context.Background(), w.db, w.options())
	faults, contradicted := errors.AsType[model.Faults](err)
	switch {
	case len(want.drops) > 0:
		if errs.KindOf(err) != errs.Conflict || contradicted {
			w.fatalf("Undo = %v, want that it is refused, since the change has dropped %v", err, want.drops)
		}
		w.check("an undo that was refused")
	case len(back.wrong) > 0:
		if !contradicted || len(faults) == 0 {
			w.fatalf("Undo = %v, want faults: %v", err, back.wrong)
		}
		w.seen["undo contradicted"]++
		w.check("an undo that was refused")
	case want.loses(former, is, w.at):
		if errs.KindOf(err) != errs.Conflict || contradicted {
			w.fatalf("Undo = %v, want that it is refused, since it loses data", err)
		}
		w.seen["undo refused"]++
		w.check("an undo that was refused")
	case err != nil:
		w.fatalf("Undo: %v", err)
	default:
		w.seen["undone"]++
		for _, table := range former.tables {
			if is.table(table.uid) == nil {
				table.counter = 0 // it is a new one
			}
		}
		w.to = former
		w.arrive(back)
	}
}
