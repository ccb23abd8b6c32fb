package plan

import "github.com/ashlar-dev/ashlar/internal/model"

// RenamedClones returns copies of tables under other names. Names, types, references and indexes of the copies are
// complete. The tables and fields keep their order.
func RenamedClones(tables []*model.Table, tableName func(*model.Table) string, fieldName func(*model.Field) string) map[*model.Table]*model.Table {
	clones := make(map[*model.Table]*model.Table)
	for _, table := range tables {
		c := *table
		c.Name = tableName(table)
		clones[table] = &c
	}
	fields := make(map[*model.Field]*model.Field)
	for _, table := range tables {
		c := clones[table]
		c.Fields = nil
		for _, field := range table.Fields {
			clone := *field
			clone.Table, clone.Name = c, fieldName(field)
			if field.Ref != nil && clones[field.Ref] != nil {
				clone.Ref = clones[field.Ref]
			}
			fields[field] = &clone
			c.Fields = append(c.Fields, &clone)
		}
		c.Unique, c.Indexes = mapFields(table.Unique, fields), mapFields(table.Indexes, fields)
	}
	for _, table := range tables {
		clones[table].Relations = nil
		for _, r := range table.Relations {
			if r.Many && fields[r.Field] != nil { // a reverse relation has an index
				clones[table].Relations = append(clones[table].Relations, &model.Relation{Name: r.Name, From: clones[table], To: clones[r.To], Field: fields[r.Field], Many: true})
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

// CloneOf returns the field of a clone of f's table that stands at the place of f.
func CloneOf(field *model.Field, clone *model.Table) *model.Field {
	for i, other := range field.Table.Fields {
		if other == field {
			return clone.Fields[i]
		}
	}
	panic("migrate: a field that its table does not have")
}
