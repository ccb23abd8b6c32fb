// Package diff finds the changes that turn the tables of one model into those of another.
package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Kind is what a Change does to the tables.
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
	ReferenceChanged Kind = "reference changed" // the field refers to another table, or only one of the two fields refers to a table
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
	Detail   string   // the difference, as "was text, is int"
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

// Between returns the changes that turn the tables of an old model into those of a new one. They are in the order of the
// new model, with dropped tables last.
func Between(oldModel, newModel *model.Model) []Change { return NewMatch(oldModel, newModel).Changes() }

// Changes returns the changes between the matched models, in the order of Between.
func (m *Match) Changes() []Change {
	d := &differ{Match: m}
	for _, t := range m.New.Tables {
		d.table(m.OldTable(t), t)
	}
	for _, t := range m.Old.Tables {
		if m.NewTable(t) == nil {
			d.add(Change{Kind: TableDropped, Table: t.Name, Pos: model.Pos{File: model.MainFile, Line: 1, Col: 1}, OldTable: t})
		}
	}
	return d.changes
}

// differ collects changes.
type differ struct {
	*Match
	changes []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

func (d *differ) table(old, t *model.Table) {
	add := func(kind Kind, detail string) {
		d.add(Change{Kind: kind, Table: t.Name, Detail: detail, Pos: t.Pos, OldTable: old, NewTable: t})
	}
	if old == nil {
		add(TableAdded, "")
		return
	}
	if old.Name != t.Name {
		add(TableRenamed, "was "+old.Name)
	}
	if old.Key != t.Key {
		add(KeyChanged, wasIs(old.Key.String(), t.Key.String()))
	}
	d.fields(old, t)
	d.indexes(UniqueDropped, UniqueAdded, old, t, (*model.Table).UniqueFields)
	d.indexes(IndexDropped, IndexAdded, old, t, (*model.Table).IndexedFields)
}

func (d *differ) fields(oldTable, t *model.Table) {
	for _, f := range t.Fields {
		if old := d.OldField(f); old != nil {
			d.field(old, f)
			continue
		}
		d.add(Change{Kind: FieldAdded, Table: t.Name, Field: f.Name, Optional: f.Optional, Detail: optionalWord(f), Pos: f.Pos,
			OldTable: oldTable, NewTable: t, NewField: f})
	}
	for _, old := range oldTable.Fields {
		if d.NewField(old) == nil {
			d.add(Change{Kind: FieldDropped, Table: t.Name, Field: old.Name, Pos: t.Pos, OldTable: oldTable, NewTable: t, OldField: old})
		}
	}
}

// field compares two fields by the words that describe them.
func (d *differ) field(old, f *model.Field) {
	compare := func(kind Kind, was, is string) {
		if was != is {
			d.add(Change{Kind: kind, Table: f.Table.Name, Field: f.Name, Detail: wasIs(was, is), Pos: f.Pos,
				OldTable: old.Table, NewTable: f.Table, OldField: old, NewField: f})
		}
	}
	compare(FieldRenamed, old.Name, f.Name)
	sameTarget := f.Ref != nil && d.NewTable(old.Ref) == f.Ref
	if f.Name != "id" && !sameTarget { // a key's type is reported once, at its table
		compare(TypeChanged, old.Type.String(), f.Type.String())
	}
	if !sameTarget {
		compare(ReferenceChanged, d.oldReference(old.Ref, f.Ref), reference(f.Ref))
	}
	if old.Ref != nil && f.Ref != nil {
		compare(OnDeleteChanged, old.OnDelete.String(), f.OnDelete.String())
	}
	compare(OptionalChanged, optionalWord(old), optionalWord(f))
	if old.Unique && f.Unique {
		compare(UniqueChanged, caseWord(old), caseWord(f))
	}
	if old.Type == f.Type {
		compare(DecimalChanged, digits(old), digits(f))
		compare(ValuesChanged, valueSet(old), valueSet(f))
	}
}

// oldReference describes a reference to a table of the old model, by the table's name in the new model. A dropped table has
// none, and its old name may be that of another table by now.
func (d *differ) oldReference(old, now *model.Table) string {
	switch t := d.NewTable(old); {
	case t != nil:
		return reference(t)
	case old != nil && now != nil && old.Name == now.Name:
		return reference(old) + ", which is dropped"
	}
	return reference(old)
}

// indexes compares combinations of fields, in whatever order the models list them.
func (d *differ) indexes(dropped, added Kind, oldTable, t *model.Table, of func(*model.Table) [][]*model.Field) {
	before, after := of(oldTable), of(t)
	kept := make([][]*model.Field, len(before)) // before, in fields of the new table; nil for a dropped field
	for i, fields := range before {
		for _, f := range fields {
			kept[i] = append(kept[i], d.NewField(f))
		}
	}
	for _, fields := range after {
		if !contains(kept, fields) {
			d.add(Change{Kind: added, Table: t.Name, Columns: names(fields), Pos: indexPos(t, fields), OldTable: oldTable, NewTable: t})
		}
	}
	for i, fields := range kept {
		if !contains(after, fields) {
			d.add(Change{Kind: dropped, Table: t.Name, Columns: names(before[i]), Pos: indexPos(t, fields), OldTable: oldTable, NewTable: t})
		}
	}
}

// indexPos returns the position of the only field of an index, or of the table.
func indexPos(t *model.Table, fields []*model.Field) model.Pos {
	if len(fields) == 1 && fields[0] != nil {
		return fields[0].Pos
	}
	return t.Pos
}

func contains(all [][]*model.Field, fields []*model.Field) bool {
	return slices.ContainsFunc(all, func(other []*model.Field) bool { return slices.Equal(other, fields) })
}

func names(fields []*model.Field) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name
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

func optionalWord(f *model.Field) string {
	if f.Optional {
		return "optional"
	}
	return "required"
}

// caseWord says when two values of a unique field are equal.
func caseWord(f *model.Field) string {
	if f.Caseless {
		return "without regard to case"
	}
	return "case counts"
}

func digits(f *model.Field) string {
	return fmt.Sprintf("precision %d, scale %d", f.Precision, f.Scale)
}

// valueSet lists the values of an enum in alphabetical order, since their order in the model changes no table.
func valueSet(f *model.Field) string {
	values := make([]string, len(f.Values))
	for i, v := range f.Values {
		values[i] = v.Name
	}
	slices.Sort(values)
	return fmt.Sprintf("%q", values)
}
