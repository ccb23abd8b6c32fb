// Package diff finds the changes from the tables of one model to another's.
package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Kind is the effect of a Change on the tables.
type Kind string

const (
	TableAdded       Kind = "table added"
	TableDropped     Kind = "table dropped"
	TableRenamed     Kind = "table renamed"
	KeyChanged       Kind = "key changed"
	FieldAdded       Kind = "field added"
	FieldDropped     Kind = "field dropped"
	FieldRenamed     Kind = "field renamed"
	TypeChanged      Kind = "type changed"
	ReferenceChanged Kind = "reference changed" // to another table, to a table at last, or to none any more
	OnDeleteChanged  Kind = "on_delete changed"
	OptionalChanged  Kind = "optional changed"
	DecimalChanged   Kind = "precision or scale changed"
	ValuesChanged    Kind = "values changed"
	UniqueAdded      Kind = "unique added"
	UniqueDropped    Kind = "unique dropped"
	UniqueChanged    Kind = "unique changed" // Field.Caseless differs
	IndexAdded       Kind = "index added"
	IndexDropped     Kind = "index dropped"
)

// Change is one difference between the tables of two models. Rules, checks, lengths, patterns, defaults and docs change
// no table, so they make no Change.
type Change struct {
	Kind     Kind
	Table    string   // name in the new model; the old name of a dropped table
	Field    string   // column of a changed field in the new model; the old name of a dropped field
	Columns  []string // columns of a changed index; the old names for a dropped index
	Optional bool     // FieldAdded: the value may be missing
	Detail   string   // the difference: "was text, is int"
	Pos      model.Pos

	OldTable, NewTable *model.Table // OldTable is nil for an added table, NewTable for a dropped one
	OldField, NewField *model.Field // both nil unless a field changed; OldField is nil for an added field, NewField for a dropped one
}

// String describes the change in a few words.
func (c Change) String() string {
	name := c.Table
	switch {
	case c.Field != "":
		name += "." + c.Field
	case len(c.Columns) > 0:
		name += " [" + strings.Join(c.Columns, ", ") + "]"
	}
	if c.Detail == "" {
		return string(c.Kind) + ": " + name
	}
	return string(c.Kind) + ": " + name + ": " + c.Detail
}

// Between returns the changes from the tables of an old model to a new one's. They are in the order of the new model,
// with dropped tables last.
func Between(oldModel, newModel *model.Model) []Change { return NewMatch(oldModel, newModel).Changes() }

// Changes returns the changes between the matched models, in the order of Between.
func (m *Match) Changes() []Change {
	found := &differ{Match: m}
	for _, table := range m.New.Tables {
		found.table(m.OldTable(table), table)
	}
	for _, table := range m.Old.Tables {
		if m.NewTable(table) == nil {
			found.add(Change{Kind: TableDropped, Table: table.Name, Pos: model.Pos{File: model.MainFile, Line: 1, Col: 1}, OldTable: table})
		}
	}
	return found.changes
}

// differ collects changes.
type differ struct {
	*Match
	changes []Change
}

func (d *differ) add(change Change) { d.changes = append(d.changes, change) }

func (d *differ) table(old, table *model.Table) {
	add := func(kind Kind, detail string) {
		d.add(Change{Kind: kind, Table: table.Name, Detail: detail, Pos: table.Pos, OldTable: old, NewTable: table})
	}
	if old == nil {
		add(TableAdded, "")
		return
	}
	if old.Name != table.Name {
		add(TableRenamed, "was "+old.Name)
	}
	if old.Key != table.Key {
		add(KeyChanged, wasIs(old.Key.String(), table.Key.String()))
	}
	d.fields(old, table)
	d.indexes(UniqueDropped, UniqueAdded, old, table, (*model.Table).UniqueFields)
	d.indexes(IndexDropped, IndexAdded, old, table, (*model.Table).IndexedFields)
}

func (d *differ) fields(oldTable, table *model.Table) {
	for _, field := range table.Fields {
		if old := d.OldField(field); old != nil {
			d.field(old, field)
			continue
		}
		d.add(Change{Kind: FieldAdded, Table: table.Name, Field: field.Name, Optional: field.Optional,
			Detail: optionalWord(field), Pos: field.Pos, OldTable: oldTable, NewTable: table, NewField: field})
	}
	for _, old := range oldTable.Fields {
		if d.NewField(old) == nil {
			d.add(Change{Kind: FieldDropped, Table: table.Name, Field: old.Name, Pos: table.Pos,
				OldTable: oldTable, NewTable: table, OldField: old})
		}
	}
}

// field compares two fields by their descriptions.
func (d *differ) field(old, field *model.Field) {
	compare := func(kind Kind, was, is string) {
		if was != is {
			d.add(Change{Kind: kind, Table: field.Table.Name, Field: field.Name, Detail: wasIs(was, is), Pos: field.Pos,
				OldTable: old.Table, NewTable: field.Table, OldField: old, NewField: field})
		}
	}
	compare(FieldRenamed, old.Name, field.Name)
	sameTarget := field.Ref != nil && d.NewTable(old.Ref) == field.Ref
	if field.Name != "id" && !sameTarget { // a key's type is reported once, at its table
		compare(TypeChanged, old.Type.String(), field.Type.String())
	}
	if !sameTarget {
		compare(ReferenceChanged, d.oldReference(old.Ref, field.Ref), reference(field.Ref))
	}
	if old.Ref != nil && field.Ref != nil {
		compare(OnDeleteChanged, old.OnDelete.String(), field.OnDelete.String())
	}
	compare(OptionalChanged, optionalWord(old), optionalWord(field))
	if old.Unique && field.Unique {
		compare(UniqueChanged, caseWord(old), caseWord(field))
	}
	if old.Type == field.Type {
		compare(DecimalChanged, digits(old), digits(field))
		compare(ValuesChanged, valueSet(old), valueSet(field))
	}
}

// oldReference describes a reference to a table of the old model, by the table's name in the new model. A dropped
// table has none, and another table may have its old name by now.
func (d *differ) oldReference(old, now *model.Table) string {
	switch table := d.NewTable(old); {
	case table != nil:
		return reference(table)
	case old != nil && now != nil && old.Name == now.Name:
		return reference(old) + ", which is dropped"
	}
	return reference(old)
}

// indexes compares combinations of fields, in any order.
func (d *differ) indexes(dropped, added Kind, oldTable, table *model.Table, of func(*model.Table) [][]*model.Field) {
	before, after := of(oldTable), of(table)
	kept := make([][]*model.Field, len(before)) // before, in fields of the new table; nil for a dropped field
	for i, fields := range before {
		for _, field := range fields {
			kept[i] = append(kept[i], d.NewField(field))
		}
	}
	add := func(kind Kind, columns []string, at model.Pos) {
		d.add(Change{Kind: kind, Table: table.Name, Columns: columns, Pos: at, OldTable: oldTable, NewTable: table})
	}
	for _, fields := range after {
		if !contains(kept, fields) {
			add(added, names(fields), indexPos(table, fields))
		}
	}
	for i, fields := range kept {
		if !contains(after, fields) {
			add(dropped, names(before[i]), indexPos(table, fields))
		}
	}
}

// indexPos returns the position of the only field of an index, or of the table.
func indexPos(table *model.Table, fields []*model.Field) model.Pos {
	if len(fields) == 1 && fields[0] != nil {
		return fields[0].Pos
	}
	return table.Pos
}

func contains(all [][]*model.Field, fields []*model.Field) bool {
	return slices.ContainsFunc(all, func(other []*model.Field) bool { return slices.Equal(other, fields) })
}

func names(fields []*model.Field) []string {
	all := make([]string, len(fields))
	for i, field := range fields {
		all[i] = field.Name
	}
	return all
}

func wasIs(was, is string) string { return "was " + was + ", is " + is }

func reference(to *model.Table) string {
	if to == nil {
		return "no reference"
	}
	return "a reference to " + to.Name
}

func optionalWord(field *model.Field) string {
	if field.Optional {
		return "optional"
	}
	return "required"
}

// caseWord says when two values of a unique field are equal.
func caseWord(field *model.Field) string {
	if field.Caseless {
		return "without regard to case"
	}
	return "case counts"
}

func digits(field *model.Field) string {
	return fmt.Sprintf("precision %d, scale %d", field.Precision, field.Scale)
}

// valueSet lists the values of an enum in alphabetical order, since their order in the model changes no table.
func valueSet(field *model.Field) string {
	values := make([]string, len(field.Values))
	for i, member := range field.Values {
		values[i] = member.Name
	}
	slices.Sort(values)
	return fmt.Sprintf("%q", values)
}
