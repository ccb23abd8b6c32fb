package load

import "github.com/ashlar-dev/ashlar/internal/model"

// link adds the relations of a table's references: one to the other table and, if the reference names it, one back.
func (l *loader) link(table *tableDecl) {
	for _, decl := range table.fields {
		field := decl.field
		switch {
		case field.RefName == "":
		case field.Ref == nil:
			table.table.Suppress(field.RefName)
		default:
			l.relate(decl.pos, &model.Relation{Name: field.RefName, From: table.table, To: field.Ref, Field: field})
			l.linkBack(decl)
		}
	}
}

func (l *loader) linkBack(decl *fieldDecl) {
	back, field := decl.value.get("reverse"), decl.field
	if back == nil {
		return
	}
	name, ok := l.readText(back, "reverse")
	switch {
	case !ok:
	case l.checkMemberName(back.pos, "relation", name):
		l.relate(back.pos, &model.Relation{Name: name, From: field.Ref, To: field.Table, Field: field, Many: true})
	default:
		field.Ref.Suppress(name)
	}
}

// relate adds a relation to its first table, if its name is free there.
func (l *loader) relate(at model.Pos, relation *model.Relation) {
	table := relation.From
	if other := table.Field(relation.Name); other != nil {
		l.fault(at, "%s already has a field %s: choose another name for this relation", table.Name, relation.Name)
		return
	}
	if other := table.Relation(relation.Name); other != nil {
		l.fault(at, "%s already has a relation %s, which %s.%s makes: choose another name for this one",
			table.Name, relation.Name, other.Field.Table.Name, other.Field.RefName)
		return
	}
	table.AddRelation(relation)
}
