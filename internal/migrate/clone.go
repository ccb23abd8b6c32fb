package migrate

import "github.com/ashlar-dev/ashlar/internal/model"

// renamedClones returns copies of tables under other names. Names, types, references and indexes of the copies are
// complete. The tables and fields keep their order.
func renamedClones(tables []*model.Table, tableName func(*model.Table) string, fieldName func(*model.Field) string) map[*model.Table]*model.Table {
	clones := make(map[*model.Table]*model.Table)
	for _, t := range tables {
		c := *t
		c.Name = tableName(t)
		clones[t] = &c
	}
	fields := make(map[*model.Field]*model.Field)
	for _, t := range tables {
		c := clones[t]
		c.Fields = nil
		for _, f := range t.Fields {
			g := *f
			g.Table, g.Name = c, fieldName(f)
			if f.Ref != nil && clones[f.Ref] != nil {
				g.Ref = clones[f.Ref]
			}
			fields[f] = &g
			c.Fields = append(c.Fields, &g)
		}
		c.Unique, c.Indexes = mapFields(t.Unique, fields), mapFields(t.Indexes, fields)
	}
	for _, t := range tables {
		clones[t].Relations = nil
		for _, r := range t.Relations {
			if r.Many && fields[r.Field] != nil { // a reverse relation has an index
				clones[t].Relations = append(clones[t].Relations, &model.Relation{Name: r.Name, From: clones[t], To: clones[r.To], Field: fields[r.Field], Many: true})
			}
		}
	}
	return clones
}

// mapFields replaces each field by its clone.
func mapFields(lists [][]*model.Field, fields map[*model.Field]*model.Field) [][]*model.Field {
	out := make([][]*model.Field, len(lists))
	for i, list := range lists {
		for _, f := range list {
			out[i] = append(out[i], fields[f])
		}
	}
	return out
}

// cloneOf returns the field of a clone of f's table that stands at the place of f.
func cloneOf(f *model.Field, clone *model.Table) *model.Field {
	for i, other := range f.Table.Fields {
		if other == f {
			return clone.Fields[i]
		}
	}
	panic("migrate: a field that its table does not have")
}
