package start

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A pledge is a job of a random model, with its condition in the oracle's spelling.
type pledge struct {
	name  string
	table *model.Table
	op    record.Op
	when  string // "": always
}

// random is rows of a random model whose writes start random jobs.
type random struct {
	*oracle.Data
	db      store.DB
	rules   *rule.Rules
	rows    *record.DB
	pledges []pledge

	old, related, started, spared int // what conditions did
}

// addJobs adds jobs with random conditions to each table of a model.
func (r *random) addJobs() {
	for _, table := range r.Model.Tables[1:] {
		for i, op := range []model.Operation{model.CreateOperation, model.UpdateOperation, model.UpdateOperation, model.UpdateOperation, model.DeleteOperation} {
			own := &model.Job{
				Name: fmt.Sprintf("%s_%d", table.Name, i), Queue: model.PullQueue, Pull: true, Tries: 1, AtMost: time.Minute,
				On: []model.JobEvent{{Table: table, Op: op}},
			}
			p := pledge{name: own.Name, table: table, op: opOf(op)}
			if i > 0 || r.IntN(2) == 0 {
				expr := r.condition(table, i > 1 && op == model.UpdateOperation)
				own.When, p.when = &model.Expr{Text: expr.Ash}, expr.CEL
			}
			r.Model.Jobs = append(r.Model.Jobs, own)
			r.pledges = append(r.pledges, p)
		}
	}
}

// condition returns a valid condition.
func (r *random) condition(table *model.Table, old bool) oracle.Expr {
	for {
		expr := r.Condition(table, r.IntN(3), oracle.Uses{Old: old})
		scope := rule.Scope{Row: &rule.Row{Table: table}, Roles: r.Model.Roles}
		if old {
			scope.Old = &rule.Row{Table: table, Role: rule.Old}
		}
		node, _, problems := rule.Compile(expr.Ash, scope)
		if len(problems) > 0 {
			continue
		}
		if rule.UsesOld(node) {
			r.old++
			if slices.Contains(rule.Related(node), table) {
				r.related++
			}
		}
		return expr
	}
}

// opened makes the tables of the model, and its rows without their jobs.
func (r *random) open(t *testing.T) {
	t.Helper()
	engine, scripts := modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()}), r.IntN(3) > 0
	if r.IntN(2) == 0 && pgtest.Available() {
		engine = modeltest.Postgres(postgres.Config{Readers: 2, Writers: 2, Serializable: r.IntN(3) == 0})
	}
	r.db, r.rules = engine.Empty(t), modeltest.Compile(t, r.Model)
	if _, err := migrate.Apply(t.Context(), r.db, r.rules, migrate.Options{System: []system.Fragment{job.Tables, Tables}}); err != nil {
		t.Fatalf("%v\n%s", err, r.Source)
	}
	if err := r.Insert(t.Context(), r.db); err != nil {
		t.Fatalf("%v\n%s", err, r.Source)
	}
	db := r.db
	if !scripts {
		db = withoutScripts{db}
	}
	queue := job.Open(db, job.Config{Logger: quiet()})
	r.rows = record.New(db, r.rules, record.Config{Now: func() time.Time { return r.Now }, Effects: New(db, r.rules, queue, Config{Logger: quiet()})})
}

// A write of a random model starts the jobs whose conditions the oracle finds true, each once. A write that is refused or undone
// starts none.
func TestRandomWritesStartJobs(t *testing.T) {
	seeds, worlds := effort.Seeds(t), effort.Cases(24, 400)
	total, kinds := random{}, map[string]int{}
	for i := range worlds {
		rules := oracle.NewOpen
		if i%4 == 0 {
			rules = oracle.NewWithWrites
		}
		r := &random{Data: rules(t, seeds(i)).Fill(6)}
		r.addJobs()
		r.open(t)
		for range 40 {
			table := r.Model.Tables[1+r.IntN(len(r.Model.Tables)-1)]
			kinds[r.write(t, table)]++
		}
		total.old, total.related, total.started, total.spared = total.old+r.old, total.related+r.related, total.started+r.started, total.spared+r.spared
		_ = r.db.Close()
	}
	t.Logf("%v; conditions with old: %d, of these about rows of their own table: %d; jobs started: %d, spared: %d", kinds, total.old, total.related, total.started, total.spared)
	if !effort.Raced && (total.related == 0 || total.started == 0 || total.spared == 0 || kinds["undone"] == 0 || kinds["refused"] == 0 || kinds["done"] == 0) {
		t.Error("it proves little")
	}
}

// write does one write in one of the ways, and compares the jobs.
func (r *random) write(t *testing.T, table *model.Table) string {
	t.Helper()
	op := []record.Op{record.Create, record.Update, record.Update, record.Update, record.Delete}[r.IntN(5)]
	after := r.Clone()
	var rec, old oracle.Record
	var body []value.Member
	switch op {
	case record.Create:
		if rec = after.Add(table); rec == nil {
			return "full"
		}
		rec["created_at"], rec["updated_at"] = types.Timestamp{Time: r.Now}, types.Timestamp{Time: r.Now}
		for _, field := range table.Fields {
			if !field.System || field == table.ID() {
				body = append(body, value.Member{Name: field.Name, Raw: oracle.AppendJSON(nil, field, rec[field.Name])})
			}
		}
		after.Put(table, rec)
	default:
		if len(r.Rows[table.Name]) == 0 {
			return "empty"
		}
		old = r.Rows[table.Name][r.IntN(len(r.Rows[table.Name]))]
		if op == record.Delete {
			rec, old = old, nil
			break
		}
		rec = maps.Clone(old)
		rec["updated_at"] = types.Timestamp{Time: r.Now}
		for _, i := range r.Perm(len(table.Fields) - 1)[:1+r.IntN(3)] {
			if field := table.Fields[1+i]; !field.System && field.Type != model.JSON {
				rec[field.Name] = r.Random(field)
				body = append(body, value.Member{Name: field.Name, Raw: oracle.AppendJSON(nil, field, rec[field.Name])})
			}
		}
		after.Put(table, rec)
	}
	key := oracle.Stored(table.ID(), rec["id"])
	if table.Key == model.UUID {
		key = value.OfUUID(key.Text)
	}
	outcome, err := "done", error(nil)
	switch ctx := context.Background(); {
	case r.IntN(3) == 0:
		undo := r.IntN(3) == 0
		err = r.rows.Transact(ctx, r.Caller, func(tx *record.Tx) (err error) {
			switch op {
			case record.Create:
				_, err = tx.Create(table, body)
			case record.Update:
				_, err = tx.Update(table, key, body, nil)
			default:
				err = tx.Delete(table, key, nil)
			}
			if err == nil && undo {
				err = errUndone
			}
			return err
		})
	case op == record.Create:
		_, err = r.rows.Create(ctx, r.Caller, table, body)
	case op == record.Update:
		_, err = r.rows.Update(ctx, r.Caller, table, key, body, nil)
	default:
		err = r.rows.Delete(ctx, r.Caller, table, key, nil)
	}
	var want []string
	switch {
	case errors.Is(err, errUndone):
		outcome = "undone"
	case errs.KindOf(err) == errs.Internal || errs.KindOf(err) == errs.Unavailable:
		t.Fatalf("%v %s %v: %v\n%s", op, table.Name, body, err, r.Source)
	case err != nil:
		outcome = "refused"
	default:
		seen := after
		if op == record.Delete {
			seen = r.Data
		}
		for _, p := range r.pledges {
			if p.table != table || p.op != op {
				continue
			}
			if p.when == "" || seen.Ask(p.when, table, rec, old, false) == oracle.True {
				want = append(want, p.name+" "+textOf(key))
				r.started++
			} else {
				r.spared++
			}
		}
		if op == record.Delete {
			after.Remove(table, rec)
		}
		r.Data = after
	}
	w := &world{t: t, db: r.db}
	got := w.query(2, `SELECT name, row_id FROM ashlar_jobs`)
	if diff := cmp.Diff(want, got); diff != "" {
		var jobs []string
		for _, own := range r.Model.Jobs {
			if own.When != nil && own.On[0].Table == table {
				jobs = append(jobs, own.Name+": "+own.When.Text)
			}
		}
		t.Fatalf("%v %s %v: %v (-want +got)\n%s\n%s\n%s", op, table.Name, body, err, diff, strings.Join(jobs, "\n"), r.Source)
	}
	if len(got) > 0 {
		w.forget()
	}
	return outcome
}
