package sqlite

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// The ranks of the steps in SQLite, which are one transaction. Names change before anything is made under the new ones,
// since SQLite follows a name that changes into every definition that has it.
const (
	atConvert = iota
	atUnbind  // drops indexes and triggers that end or get another name
	atDrop
	atRename
	atAdd
	atRebuild
	atBind
)

// These say what a step locks in SQLite.
const (
	lockWriters = "writers wait until it is done; readers go on"
	lockNoRows  = "writers wait for a moment; readers go on"
)

// planner adds the steps for SQLite. If SQLite cannot change a table in place, the plan makes a new table, fills it from
// the old one and gives it the old name (https://www.sqlite.org/lang_altertable.html, section 7).
type planner struct {
	*plan.Planner
	renames map[*model.Table][]plan.Rename // columns, by the table of the new model
	tables  []plan.Rename
}

// at returns the moment of a rank. SQLite has one phase.
func (p *planner) at(rank int) plan.Moment { return plan.Moment{Phase: plan.Before, Rank: rank} }

func (p *planner) add(rank int, why plan.Cause, hazards plan.Hazards, lock string, parts ...plan.Part) {
	p.Planner.Add(p.at(rank), why, hazards, lock, parts...)
}

func (p *planner) addLoss(rank int, why plan.Cause, drop, lock string, parts ...plan.Part) {
	p.Planner.AddLoss(p.at(rank), why, drop, lock, parts...)
}

// AddSteps implements plan.Engine.
func (Engine) AddSteps(shared *plan.Planner) {
	p := &planner{Planner: shared, renames: map[*model.Table][]plan.Rename{}}
	for _, table := range p.New.Tables {
		if was := p.OldTable(table); was != nil {
			p.alter(was, table)
		} else {
			p.create(table)
		}
	}
	for _, table := range p.Old.Tables {
		if p.NewTable(table) == nil {
			p.drop(table)
		}
	}
	p.rename()
}

func (p *planner) create(table *model.Table) {
	why := p.CauseOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.SQLite, table)
	p.add(atAdd, why, 0, lockNoRows, append(plan.Statements(def.Table), plan.Creates(def.Indexes)...)...)
	if len(def.Triggers) > 0 {
		p.add(atBind, why, 0, lockNoRows, plan.Creates(def.Triggers)...)
	}
}

func (p *planner) drop(t *model.Table) {
	why := p.CauseOf(t, func(c diff.Change) bool { return c.OldTable == t && c.Kind == diff.TableDropped })
	p.addLoss(atDrop, why, t.Name, lockNoRows, plan.Statements(sqlgen.SQLite.DropTable(t.Name))...)
}

func (p *planner) alter(was, table *model.Table) {
	if was.Name != table.Name {
		p.tables = append(p.tables, plan.Rename{From: was.Name, To: table.Name})
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && before.Name != field.Name {
			p.renames[table] = append(p.renames[table], plan.Rename{From: before.Name, To: field.Name})
		}
	}
	if p.needsRebuild(was, table) {
		if was.Name != table.Name { // the table that takes the old name may have indexes of the same names
			p.unbind(was, table, true)
		}
		p.rebuild(was, table)
		return
	}
	p.unbind(was, table, false)
	for _, field := range table.Fields {
		if p.OldField(field) == nil {
			p.add(atAdd, p.CauseOfField(field), 0, lockNoRows, plan.Part{SQL: sqlgen.AddColumn(sqlgen.SQLite, field, p.BackfillFor(field))})
		}
	}
	p.bind(was, table)
}

// needsRebuild reports whether a table cannot be changed in place. SQLite can change names and indexes in place. It
// can add a column that is optional, or that has a value and no reference.
func (p *planner) needsRebuild(was, table *model.Table) bool {
	for _, field := range table.Fields {
		before := p.OldField(field)
		switch {
		case before == nil && !field.Optional && (field.Ref != nil || p.BackfillFor(field).IsNull()):
			return true
		case before != nil && (p.Converts(before, field) || p.columnWas(before, field) != sqlgen.DefineColumn(sqlgen.SQLite, field)):
			return true
		}
	}
	return slices.ContainsFunc(was.Fields, func(f *model.Field) bool { return p.NewField(f) == nil })
}

// columnWas returns the definition of an old column under the names of the new model.
func (p *planner) columnWas(was, field *model.Field) sqlgen.Column {
	named := *was
	named.Name, named.Table = field.Name, field.Table
	if was.Ref != nil && p.NewTable(was.Ref) != nil {
		named.Ref = p.NewTable(was.Ref)
	}
	return sqlgen.DefineColumn(sqlgen.SQLite, &named)
}

// unbind drops the indexes and triggers that end or get another name, or all of them.
func (p *planner) unbind(was, table *model.Table, all bool) {
	why := p.CauseOf(table, func(c diff.Change) bool {
		return c.NewTable == table && (c.Kind == diff.IndexDropped || c.Kind == diff.UniqueDropped || c.Kind == diff.UniqueChanged || c.Kind == diff.FieldRenamed || c.Kind == diff.TableRenamed)
	})
	var sql []string
	for _, old := range sqlgen.Indexes(was) {
		if all || !p.keepsIndex(was, table, old) {
			sql = append(sql, old.Drop())
		}
	}
	for _, field := range was.Fields {
		if field.Ref != nil && field.OnDelete == model.Clear && (all || !p.keepsTrigger(field)) {
			sql = append(sql, sqlgen.SQLite.DropTrigger(field))
		}
	}
	if sql != nil {
		p.add(atUnbind, why, 0, lockNoRows, plan.Statements(sql...)...)
	}
}

func (p *planner) keepsIndex(was, table *model.Table, old sqlgen.Index) bool {
	return slices.ContainsFunc(sqlgen.Indexes(table), func(i sqlgen.Index) bool {
		return i.Name == old.Name && p.SameIndex([]sqlgen.Index{old}, table, i) != ""
	})
}

func (p *planner) keepsTrigger(was *model.Field) bool {
	f := p.NewField(was)
	return f != nil && f.Ref != nil && was.Ref != nil && f.OnDelete == model.Clear && was.OnDelete == model.Clear && sqlgen.TriggerName(f) == sqlgen.TriggerName(was)
}

// bind makes the missing indexes and triggers of a table that was not rebuilt.
func (p *planner) bind(was, table *model.Table) {
	for _, index := range sqlgen.Indexes(table) {
		if slices.ContainsFunc(sqlgen.Indexes(was), func(o sqlgen.Index) bool { return o.Name == index.Name && p.keepsIndex(was, table, o) }) {
			continue
		}
		p.add(atBind, p.CauseOfIndex(table, index), plan.BlocksWrites, lockWriters, plan.Part{SQL: index.Create()})
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && p.keepsTrigger(before) {
			continue
		}
		if triggers := sqlgen.SQLite.Triggers(field); triggers != nil {
			p.add(atBind, p.CauseOfField(field), 0, lockNoRows, plan.Creates(triggers)...)
		}
	}
}

// rename gives everything its name in the new model.
func (p *planner) rename() {
	var sql []string
	for _, table := range p.New.Tables {
		for _, r := range plan.InOrder(p.renames[table]) {
			sql = append(sql, sqlgen.RenameColumn(p.OldTable(table).Name, r.From, r.To))
		}
	}
	for _, r := range plan.InOrder(p.tables) {
		sql = append(sql, sqlgen.RenameTable(r.From, r.To))
	}
	p.AddRenames(p.at(atRename), lockNoRows, sql)
}
