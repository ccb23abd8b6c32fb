package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The ranks of the steps in SQLite, which are one transaction. Names change before anything is made under the new ones,
// since SQLite follows a name that changes into every definition that has it.
const (
	liteConvert = iota
	liteUnbind  // drops indexes and triggers that end or get another name
	liteDrop
	liteRename
	liteAdd
	liteRebuild
	liteBind
)

// These say what a step locks in SQLite.
const (
	lockWriters = "writers wait until it is done; readers go on"
	lockNoRows  = "writers wait for a moment; readers go on"
)

// litePlanner plans for SQLite. If SQLite cannot change a table in place, the plan makes a new table, fills it from
// the old one and gives it the old name (https://www.sqlite.org/lang_altertable.html, section 7).
type litePlanner struct {
	*planner
	renames map[*model.Table][]rename // columns, by the table of the new model
	tables  []rename
}

// at returns the moment of a rank. SQLite has one phase.
func (p *litePlanner) at(rank int) moment { return moment{Before, rank} }

func (p *litePlanner) add(rank int, why cause, hazards Hazards, lock string, parts ...part) {
	p.planner.add(p.at(rank), why, hazards, lock, parts...)
}

func (p *litePlanner) addLoss(rank int, why cause, drop, lock string, parts ...part) {
	p.planner.addLoss(p.at(rank), why, drop, lock, parts...)
}

func planSQLite(plan *planner) {
	lite := &litePlanner{planner: plan, renames: map[*model.Table][]rename{}}
	for _, table := range plan.New.Tables {
		if was := plan.OldTable(table); was != nil {
			lite.alter(was, table)
		} else {
			lite.create(table)
		}
	}
	for _, table := range plan.Old.Tables {
		if plan.NewTable(table) == nil {
			lite.drop(table)
		}
	}
	lite.rename()
}

func (p *litePlanner) create(table *model.Table) {
	why := p.causeOf(table, func(c diff.Change) bool { return c.NewTable == table && c.Kind == diff.TableAdded })
	def := sqlgen.Define(sqlgen.SQLite, table)
	p.add(liteAdd, why, 0, lockNoRows, append(statements(def.Table), creates(def.Indexes)...)...)
	if len(def.Triggers) > 0 {
		p.add(liteBind, why, 0, lockNoRows, creates(def.Triggers)...)
	}
}

func (p *litePlanner) drop(t *model.Table) {
	why := p.causeOf(t, func(c diff.Change) bool { return c.OldTable == t && c.Kind == diff.TableDropped })
	p.addLoss(liteDrop, why, t.Name, lockNoRows, statements(sqlgen.SQLite.DropTable(t.Name))...)
}

func (p *litePlanner) alter(was, table *model.Table) {
	if was.Name != table.Name {
		p.tables = append(p.tables, rename{was.Name, table.Name})
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && before.Name != field.Name {
			p.renames[table] = append(p.renames[table], rename{before.Name, field.Name})
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
			p.add(liteAdd, p.ofField(field), 0, lockNoRows, part{sql: sqlgen.AddColumn(sqlgen.SQLite, field, p.backfillFor(field))})
		}
	}
	p.bind(was, table)
}

// backfillFor returns the value that rows get for an added field.
func (p *planner) backfillFor(field *model.Field) value.Value {
	if field.Optional {
		return value.Value{}
	}
	return p.backfill(field)
}

// needsRebuild reports whether a table cannot be changed in place. SQLite can change names and indexes in place. It
// can add a column that is optional, or that has a value and no reference.
func (p *litePlanner) needsRebuild(was, table *model.Table) bool {
	for _, field := range table.Fields {
		before := p.OldField(field)
		switch {
		case before == nil && !field.Optional && (field.Ref != nil || p.backfill(field).IsNull()):
			return true
		case before != nil && (p.converts(before, field) || p.columnWas(before, field) != sqlgen.DefineColumn(sqlgen.SQLite, field)):
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
	return sqlgen.DefineColumn(p.dialect, &named)
}

// unbind drops the indexes and triggers that end or get another name, or all of them.
func (p *litePlanner) unbind(was, table *model.Table, all bool) {
	why := p.causeOf(table, func(c diff.Change) bool {
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
		p.add(liteUnbind, why, 0, lockNoRows, statements(sql...)...)
	}
}

func (p *litePlanner) keepsIndex(was, table *model.Table, old sqlgen.Index) bool {
	return slices.ContainsFunc(sqlgen.Indexes(table), func(i sqlgen.Index) bool {
		return i.Name == old.Name && p.sameIndex([]sqlgen.Index{old}, table, i) != ""
	})
}

func (p *planner) keepsTrigger(was *model.Field) bool {
	f := p.NewField(was)
	return f != nil && f.Ref != nil && was.Ref != nil && f.OnDelete == model.Clear && was.OnDelete == model.Clear && sqlgen.TriggerName(f) == sqlgen.TriggerName(was)
}

// bind makes the missing indexes and triggers of a table that was not rebuilt.
func (p *litePlanner) bind(was, table *model.Table) {
	for _, index := range sqlgen.Indexes(table) {
		if slices.ContainsFunc(sqlgen.Indexes(was), func(o sqlgen.Index) bool { return o.Name == index.Name && p.keepsIndex(was, table, o) }) {
			continue
		}
		p.add(liteBind, p.ofIndex(table, index), BlocksWrites, lockWriters, part{sql: index.Create()})
	}
	for _, field := range table.Fields {
		if before := p.OldField(field); before != nil && p.keepsTrigger(before) {
			continue
		}
		if triggers := sqlgen.SQLite.Triggers(field); triggers != nil {
			p.add(liteBind, p.ofField(field), 0, lockNoRows, creates(triggers)...)
		}
	}
}

// rename gives everything its name in the new model.
func (p *litePlanner) rename() {
	var sql []string
	for _, table := range p.New.Tables {
		for _, r := range inOrder(p.renames[table]) {
			sql = append(sql, sqlgen.RenameColumn(p.OldTable(table).Name, r.from, r.to))
		}
	}
	for _, r := range inOrder(p.tables) {
		sql = append(sql, sqlgen.RenameTable(r.from, r.to))
	}
	p.addRenames(p.at(liteRename), lockNoRows, sql)
}

func count(reader querier, sql string, args ...value.Value) (n int64, err error) {
	err = reader.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
