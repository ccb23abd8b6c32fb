package migrate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Undo takes the last change back: the model before it becomes the stored one again, and the tables follow. It refuses
// to lose anything: rows of a new table, a value in a new field that the change did not give, or rows that the former model
// has no room for.
func Undo(ctx context.Context, db store.DB, options Options) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Undo")
	err = db.Alter(ctx, func(session store.Session) error {
		r := &run{ctx: ctx, s: session, o: options, engine: engineOf(session.Dialect())}
		defer func() { result = r.result }()
		if err := r.upgradeLayout(nil); err != nil {
			return err
		}
		if err := r.resume(); err != nil {
			return err
		}
		old, err := storedModels(session)
		if err != nil {
			return err
		}
		now := old.app
		former, given, err := r.formerModel(now)
		if err != nil {
			return err
		}
		if err := r.refuseIfDropped(former, now); err != nil {
			return err
		}
		r.to = backwards(former, now)
		planned, err := between(session, old, models{r.to, system.Beside(old.own, r.to)}, nil, options.now())
		if err != nil {
			return err
		}
		r.to = former
		if err := r.losesNothing(planned, given); err != nil {
			return err
		}
		r.o.Allow = planned.Drops()
		return r.apply(planned)
	})
	return result, err
}

// formerModel returns the last model in the history with other tables than the present ones. It also returns the values
// that rows got for added fields since then, as literals, by table and column.
func (r *run) formerModel(now *model.Model) (*model.Model, map[string]string, error) {
	if now == nil {
		return nil, nil, errs.New(errs.Conflict, "there is nothing to undo: the database has no tables yet")
	}
	all, err := entries(r.s)
	if err != nil {
		return nil, nil, err
	}
	given := map[string]string{}
	for i, entry := range slices.Backward(all) {
		if entry.State != Done {
			continue
		}
		m, err := entry.decodeModel()
		if err != nil {
			entry.Damage = "model: " + err.Error()
			return nil, nil, errHistoryUnreadable(entry)
		}
		if len(diff.Between(m, now)) > 0 || len(diff.Between(now, m)) > 0 {
			r.entry = all[min(i+1, len(all)-1)] // the change to take back
			return m, given, nil
		}
		if entry.Damage != "" { // the values that rows got are unknown
			return nil, nil, errHistoryUnreadable(entry)
		}
		maps.Copy(given, entry.backfills)
	}
	return nil, nil, errs.New(errs.Conflict, "there is nothing to undo: the history has no other tables than these")
}

// errHistoryUnreadable returns the error of an undo that needs an unreadable entry.
func errHistoryUnreadable(e entryRow) error {
	return errs.New(errs.Conflict, "what was before is not known: %v. Change the model back instead, and run `ashlar migrate`", e.errDamaged())
}

// refuseIfDropped returns an error if the last change has dropped data.
func (r *run) refuseIfDropped(former, now *model.Model) error {
	for _, change := range diff.Between(former, now) {
		if change.Kind != diff.TableDropped && change.Kind != diff.FieldDropped {
			continue
		}
		where := ""
		if r.entry.Copy != "" {
			where = "; they are in the copy that was made before, " + r.entry.Copy
		}
		return errs.New(errs.Conflict, "the last change has dropped %s, whose rows or values no undoing brings back%s", dropName(change), where)
	}
	return nil
}

// backwards returns the former model with the present names as former names. So a plan to it reverses the renames. It
// clears the former names of the present model.
func backwards(former, now *model.Model) *model.Model {
	forth := diff.NewMatch(former, now)
	clones := plan.RenamedClones(former.Tables, func(t *model.Table) string { return t.Name }, func(f *model.Field) string { return f.Name })
	tables := make([]*model.Table, len(former.Tables))
	for i, table := range former.Tables {
		c := clones[table]
		tables[i] = c
		c.Was = ""
		if later := forth.NewTable(table); later != nil && later.Name != table.Name {
			c.Was = later.Name
		}
		for j, field := range table.Fields {
			c.Fields[j].Was = ""
			if later := forth.NewField(field); later != nil && later.Name != field.Name {
				c.Fields[j].Was = later.Name
			}
			c.Fields[j].Values = valuesBack(field, forth.NewField(field))
		}
	}
	for _, table := range now.Tables { // otherwise they would seem to be applied already
		table.Was = ""
		for _, f := range table.Fields {
			f.Was = ""
		}
	}
	return model.FromTables(former.Name, former.Roles, tables)
}

// valuesBack returns the values of an enum with their present names as former names.
func valuesBack(field, later *model.Field) []model.EnumValue {
	values := slices.Clone(field.Values)
	for i, v := range values {
		values[i].Was = ""
		if later == nil {
			continue
		}
		for _, val := range later.Values {
			if diff.OldValue(field, val) == v.Name && val.Name != v.Name {
				values[i].Was = val.Name
			}
		}
	}
	return values
}

// losesNothing returns an error if the plan drops rows or values.
func (r *run) losesNothing(planned *plan.Plan, given map[string]string) error {
	if len(planned.Faults()) > 0 {
		return planned.Faults()
	}
	for _, change := range planned.Changes {
		var sql, what string
		switch change.Kind {
		case diff.TableDropped:
			sql, what = "SELECT count(*) FROM "+sqlgen.Quote(change.OldTable.Name), "the table "+change.OldTable.Name+" has %d rows"
		case diff.FieldDropped:
			column := sqlgen.Quote(change.OldField.Name)
			sql = "SELECT count(*) FROM " + sqlgen.Quote(change.OldTable.Name) + " WHERE " + column + " IS NOT NULL"
			if literal := given[dropName(change)]; literal != "" && change.OldField.Type != model.JSON {
				sql += " AND " + column + " <> " + literal
			}
			what = "%d rows have a value in " + change.OldTable.Name + "." + change.OldField.Name
		default:
			continue
		}
		n, err := plan.Count(r.s, sql)
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.New(errs.Conflict, "undoing would lose data: %s. Change the model back instead, and allow the loss: ashlar migrate --allow drop:%s",
				fmt.Sprintf(what, n), dropName(change))
		}
	}
	return nil
}

func dropName(change diff.Change) string {
	if change.OldField != nil {
		return change.OldTable.Name + "." + change.OldField.Name
	}
	return change.OldTable.Name
}
