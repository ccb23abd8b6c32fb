package postgres

import (
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// alterIndexes builds new indexes before the switch and drops the others at the switch.
func (p *planner) alterIndexes(was, table *model.Table) {
	old, now := sqlgen.Indexes(was), sqlgen.Indexes(p.beforeSwitch[table])
	kept := make(map[string]bool)
	for n, i := range sqlgen.Indexes(table) {
		if o := p.SameIndex(old, table, i); o != "" {
			kept[o] = true
			p.renamed(&p.objects, o, i.Name)
			continue
		}
		index := now[n]
		index.Name, index.Concurrently = p.indexNameBefore(i.Name), true
		p.add(atIndexes, p.CauseOfIndex(table, i), 0, lockNothing, plan.Part{
			SQL:       index.Create(),
			OutsideTx: true,
			Undo:      index.Drop(),
		})
		p.renamed(&p.objects, index.Name, i.Name)
	}
	for _, o := range old {
		if !kept[o.Name] {
			p.dropIndex(was, table, o)
		}
	}
}

func (p *planner) dropIndex(was, table *model.Table, old sqlgen.Index) {
	why := p.CauseOf(table, func(change diff.Change) bool {
		if change.Kind == diff.UniqueChanged {
			return change.NewTable == table && sqlgen.NewIndex(was, true, []*model.Field{change.OldField}).Name == old.Name
		}
		return change.NewTable == table && (change.Kind == diff.IndexDropped || change.Kind == diff.UniqueDropped) && sqlgen.NewIndex(was, change.Kind == diff.UniqueDropped, plan.FieldsOf(was, change.Columns)).Name == old.Name
	})
	p.add(atUnbind, why, 0, lockMoment, plan.Statements(old.Drop())...)
}
