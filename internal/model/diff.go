package model

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a Change does to the tables.
type Kind string

const (
	TableAdded       Kind = "table added"
	TableDropped     Kind = "table dropped"
	TableRenamed     Kind = "table renamed"
	KeyChanged       Kind = "key changed"
	FieldAdded       Kind = "field added" // Optional says which kind of field
	FieldDropped     Kind = "field dropped"
	FieldRenamed     Kind = "field renamed"
	TypeChanged      Kind = "type changed"
	ReferenceChanged Kind = "reference changed" // another table, or no reference before or after
	OnDeleteChanged  Kind = "on_delete changed"
	OptionalChanged  Kind = "optional changed"
	DecimalChanged   Kind = "precision or scale changed"
	ValuesChanged    Kind = "values changed"
	UniqueAdded      Kind = "unique added"
	UniqueDropped    Kind = "unique dropped"
	UniqueChanged    Kind = "unique changed" // the case of letters counts, or does not
	IndexAdded       Kind = "index added"
	IndexDropped     Kind = "index dropped"
)

// Change is one difference between the tables of two models. What changes no table (rules, checks, lengths, patterns,
// defaults, docs) is no Change.
type Change struct {
	Kind     Kind
	Table    string // as the new model calls it; the old name of a dropped table
	Field    string // the column, for changes of a field; the old name of a dropped field
	Columns  []string
	Optional bool   // FieldAdded: the field may be missing
	Detail   string // what was and what is: "was text, is int"
	Pos      Pos    // the nearest place in the new model

	OldTable, NewTable *Table // of the old and the new model; nil where it is added, or dropped
	OldField, NewField *Field // of a change of a field; nil where it is added, or dropped
}

// String says the change in a few words.
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

// Diff returns what differs between the tables of an earlier model and those of m, in the order of m, dropped ones last.
func Diff(old, m *Model) []Change { return NewMatch(old, m).Changes() }

// Changes returns what differs between the tables of the two, in the order of the new one, dropped ones last.
func (x *Match) Changes() []Change {
	d := &differ{Match: x}
	for _, t := range x.New.Tables {
		d.table(x.OldTable(t), t)
	}
	for _, t := range x.Old.Tables {
		if x.NewTable(t) == nil {
			d.add(Change{Kind: TableDropped, Table: t.Name, Pos: Pos{mainFile, 1, 1}, OldTable: t})
		}
	}
	return d.changes
}

type differ struct {
	*Match
	changes []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

func (d *differ) table(was, t *Table) {
	add := func(c Change) {
		c.Table, c.OldTable, c.NewTable = t.Name, was, t
		d.add(c)
	}
	if was == nil {
		add(Change{Kind: TableAdded, Pos: t.Pos})
		return
	}
	if was.Name != t.Name {
		add(Change{Kind: TableRenamed, Detail: "was " + was.Name, Pos: t.Pos})
	}
	if was.Key != t.Key {
		add(Change{Kind: KeyChanged, Detail: wasIs(was.Key.String(), t.Key.String()), Pos: t.Pos})
	}
	d.fieldsOf(was, t)
	d.indexes(UniqueDropped, UniqueAdded, was, t, TableSnapshot.uniques)
	d.indexes(IndexDropped, IndexAdded, was, t, TableSnapshot.indexes)
}

func (d *differ) fieldsOf(was, t *Table) {
	for _, f := range t.Fields {
		if before := d.OldField(f); before != nil {
			d.field(before, f)
			continue
		}
		d.add(Change{Kind: FieldAdded, Table: t.Name, Field: f.Name, Optional: f.Optional, Detail: requiredOr(f.Optional), Pos: f.Pos,
			OldTable: was, NewTable: t, NewField: f})
	}
	for _, f := range was.Fields {
		if d.NewField(f) == nil {
			d.add(Change{Kind: FieldDropped, Table: t.Name, Field: f.Name, Pos: t.Pos, OldTable: was, NewTable: t, OldField: f})
		}
	}
}

func (d *differ) field(before, f *Field) {
	was, is := before.snapshot(), f.snapshot()
	add := func(kind Kind, w, i string) {
		if w != i {
			d.add(Change{Kind: kind, Table: f.Table.Name, Field: f.Name, Detail: wasIs(w, i), Pos: f.Pos,
				OldTable: before.Table, NewTable: f.Table, OldField: before, NewField: f})
		}
	}
	add(FieldRenamed, was.Name, is.Name)
	ref := was.Ref
	if ref != "" && d.NewTable(before.Ref) != nil {
		ref = d.NewTable(before.Ref).Name
	}
	if f.Name != "id" && (ref == "" || ref != is.Ref) { // the type of a key is said once, at its table
		add(TypeChanged, was.Type, is.Type)
	}
	add(ReferenceChanged, refOr(ref), refOr(is.Ref))
	if ref != "" && is.Ref != "" {
		add(OnDeleteChanged, was.OnDelete, is.OnDelete)
	}
	add(OptionalChanged, requiredOr(was.Optional), requiredOr(is.Optional))
	if was.Unique && is.Unique {
		add(UniqueChanged, was.sameness(), is.sameness())
	}
	if was.Type == is.Type {
		add(DecimalChanged, was.digits(), is.digits())
		add(ValuesChanged, was.valueSet(), is.valueSet())
	}
}

// indexes compares combinations of columns, whatever their order in the model. Those of a dropped column keep its name,
// which no column of the new table is matched with.
func (d *differ) indexes(dropped, added Kind, was, t *Table, of func(TableSnapshot) [][]string) {
	before, after := of(was.snapshot()), of(t.snapshot())
	renamed := make([][]string, len(before))
	for i, columns := range before {
		for _, c := range columns {
			if now := d.NewField(was.fields[c]); now != nil {
				renamed[i] = append(renamed[i], now.Name)
			} else {
				renamed[i] = append(renamed[i], c+" (dropped)")
			}
		}
	}
	for _, columns := range after {
		if !contains(renamed, columns) {
			d.add(Change{Kind: added, Table: t.Name, Columns: columns, Pos: t.indexPos(columns), OldTable: was, NewTable: t})
		}
	}
	for i, columns := range renamed {
		if !contains(after, columns) {
			d.add(Change{Kind: dropped, Table: t.Name, Columns: before[i], Pos: t.indexPos(columns), OldTable: was, NewTable: t})
		}
	}
}

// indexPos is the field of an index of one column, else the table.
func (t *Table) indexPos(columns []string) Pos {
	if f := t.fields[columns[0]]; f != nil && len(columns) == 1 {
		return f.Pos
	}
	return t.Pos
}

// uniques lists all that is unique, from fields and from the table.
func (s TableSnapshot) uniques() [][]string {
	var all [][]string
	for _, f := range s.Fields {
		if f.Unique {
			all = append(all, []string{f.Name})
		}
	}
	return appendNew(all, s.Unique)
}

// indexes lists all that is indexed and not unique.
func (s TableSnapshot) indexes() [][]string {
	var all [][]string
	for _, f := range s.Fields {
		if s.indexed(f) {
			all = append(all, []string{f.Name})
		}
	}
	return appendNew(all, s.Indexes)
}

// digits is the shape of a decimal as text.
func (s FieldSnapshot) digits() string {
	return fmt.Sprintf("precision %d, scale %d", s.Precision, s.Scale)
}

// valueSet is the values of an enum as text, in one order, since their order changes no table.
func (s FieldSnapshot) valueSet() string {
	names := make([]string, len(s.Values))
	for i, v := range s.Values {
		names[i] = v.Name
	}
	slices.Sort(names)
	return fmt.Sprintf("%q", names)
}

func contains(all [][]string, columns []string) bool {
	return slices.ContainsFunc(all, func(other []string) bool { return slices.Equal(other, columns) })
}

// appendNew appends the combinations that are not there yet: a reference may also be listed at the table.
func appendNew(all, more [][]string) [][]string {
	for _, columns := range more {
		if !contains(all, columns) {
			all = append(all, columns)
		}
	}
	return all
}

func wasIs(was, is string) string { return "was " + was + ", is " + is }

func refOr(table string) string {
	if table == "" {
		return "no reference"
	}
	return "a reference to " + table
}

// sameness says when two values of a unique field are the same.
func (s FieldSnapshot) sameness() string {
	if s.Caseless {
		return "without regard to case"
	}
	return "case counts"
}

func requiredOr(optional bool) string {
	if optional {
		return "optional"
	}
	return "required"
}
