package migrate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Undo takes the last change back: the model before it becomes the stored one again, and the tables follow. It refuses
// to lose anything: a new table that has rows by now, a value in a new field other than the one that the change gave,
// or rows that the former model has no room for.
func Undo(ctx context.Context, db store.DB, o Options) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Undo")
	err = db.Alter(ctx, func(s store.Session) error {
		r := &run{ctx: ctx, s: s, o: o, dialect: s.Dialect()}
		defer func() { result = r.result }()
		if err := r.upgradeLayout(); err != nil {
			return err
		}
		if err := r.resume(); err != nil {
			return err
		}
		old, err := storedModels(s)
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
		p, err := between(s, old, models{r.to, old.own}, nil, o.now())
		if err != nil {
			return err
		}
		r.to = former
		if err := r.losesNothing(p, given); err != nil {
			return err
		}
		r.o.Allow = p.Drops()
		return r.apply(p)
	})
	return result, err
}

// formerModel returns the last model in the history with other tables than the present ones. It also returns the
// values that rows have got since then for added fields, as literals, by table and column.
func (r *run) formerModel(now *model.Model) (*model.Model, map[string]string, error) {
	if now == nil {
		return nil, nil, errs.New(errs.Conflict, "there is nothing to undo: the database has no tables yet")
	}
	all, err := entries(r.s)
	if err != nil {
		return nil, nil, err
	}
	given := map[string]string{}
	for i, e := range slices.Backward(all) {
		if e.State != Done {
			continue
		}
		m, err := e.decodeModel()
		if err != nil {
			e.Damage = "model: " + err.Error()
			return nil, nil, errHistoryUnreadable(e)
		}
		if len(diff.Between(m, now)) > 0 || len(diff.Between(now, m)) > 0 {
			r.entry = all[min(i+1, len(all)-1)] // the change to take back
			return m, given, nil
		}
		if e.Damage != "" { // the values that rows got are unknown
			return nil, nil, errHistoryUnreadable(e)
		}
		maps.Copy(given, e.backfills)
	}
	return nil, nil, errs.New(errs.Conflict, "there is nothing to undo: the history has no other tables than these")
}

// errHistoryUnreadable returns the error of an undo that needs an entry which cannot be read.
func errHistoryUnreadable(e entryRow) error {
	return errs.New(errs.Conflict, "what was before is not known: %v. Change the model back instead, and run `ashlar migrate`", e.errDamaged())
}

// refuseIfDropped returns an error if the last change has dropped data.
func (r *run) refuseIfDropped(former, now *model.Model) error {
	for _, c := range diff.Between(former, now) {
		if c.Kind != diff.TableDropped && c.Kind != diff.FieldDropped {
			continue
		}
		where := ""
		if r.entry.Copy != "" {
			where = "; they are in the copy that was made before, " + r.entry.Copy
		}
		return errs.New(errs.Conflict, "the last change has dropped %s, whose rows or values no undoing brings back%s", dropName(c), where)
	}
	return nil
}

// backwards returns the former model with the present names as former names, so that renames are reversed. It clears
// the former names of the present model.
func backwards(former, now *model.Model) *model.Model {
	forth := diff.NewMatch(former, now)
	clones := renamedClones(former.Tables, func(t *model.Table) string { return t.Name }, func(f *model.Field) string { return f.Name })
	tables := make([]*model.Table, len(former.Tables))
	for i, t := range former.Tables {
		c := clones[t]
		tables[i] = c
		c.Was = ""
		if later := forth.NewTable(t); later != nil && later.Name != t.Name {
			c.Was = later.Name
		}
		for j, f := range t.Fields {
			c.Fields[j].Was = ""
			if later := forth.NewField(f); later != nil && later.Name != f.Name {
				c.Fields[j].Was = later.Name
			}
			c.Fields[j].Values = valuesBack(f, forth.NewField(f))
		}
	}
	for _, t := range now.Tables { // otherwise they would seem to be applied already
		t.Was = ""
		for _, f := range t.Fields {
			f.Was = ""
		}
	}
	return model.FromTables(former.Name, former.Roles, tables)
}

// valuesBack returns the values of an enum with their present names as former names.
func valuesBack(f, later *model.Field) []model.EnumValue {
	values := slices.Clone(f.Values)
	for i, v := range values {
		values[i].Was = ""
		if later == nil {
			continue
		}
		for _, l := range later.Values {
			if diff.OldValue(f, l) == v.Name && l.Name != v.Name {
				values[i].Was = l.Name
			}
		}
	}
	return values
}

// losesNothing returns an error if the plan drops rows or values.
func (r *run) losesNothing(p *Plan, given map[string]string) error {
	if len(p.faults) > 0 {
		return p.faults
	}
	for _, c := range p.Changes {
		var sql, what string
		switch c.Kind {
		case diff.TableDropped:
			sql, what = "SELECT count(*) FROM "+sqlgen.Quote(c.OldTable.Name), "the table "+c.OldTable.Name+" has %d rows"
		case diff.FieldDropped:
			column := sqlgen.Quote(c.OldField.Name)
			sql = "SELECT count(*) FROM " + sqlgen.Quote(c.OldTable.Name) + " WHERE " + column + " IS NOT NULL"
			if literal := given[dropName(c)]; literal != "" && c.OldField.Type != model.JSON {
				sql += " AND " + column + " <> " + literal
			}
			what = "%d rows have a value in " + c.OldTable.Name + "." + c.OldField.Name
		default:
			continue
		}
		n, err := count(r.s, sql)
		if err != nil {
			return err
		}
		if n > 0 {
			return errs.New(errs.Conflict, "undoing would lose data: %s. Change the model back instead, and allow the loss: ashlar migrate --allow drop:%s",
				fmt.Sprintf(what, n), dropName(c))
		}
	}
	return nil
}

func dropName(c diff.Change) string {
	if c.OldField != nil {
		return c.OldTable.Name + "." + c.OldField.Name
	}
	return c.OldTable.Name
}
