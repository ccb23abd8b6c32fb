package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ChangeKind is what a Change does to the tables.
type ChangeKind string

const (
	TableAdded       ChangeKind = "table added"
	TableDropped     ChangeKind = "table dropped"
	TableRenamed     ChangeKind = "table renamed"
	KeyChanged       ChangeKind = "key changed"
	FieldAdded       ChangeKind = "field added" // Optional says which kind of field
	FieldDropped     ChangeKind = "field dropped"
	FieldRenamed     ChangeKind = "field renamed"
	TypeChanged      ChangeKind = "type changed"
	ReferenceChanged ChangeKind = "reference changed" // another table, or no reference before or after
	OnDeleteChanged  ChangeKind = "on_delete changed"
	OptionalChanged  ChangeKind = "optional changed"
	DecimalChanged   ChangeKind = "precision or scale changed"
	ValuesChanged    ChangeKind = "values changed"
	UniqueAdded      ChangeKind = "unique added"
	UniqueDropped    ChangeKind = "unique dropped"
	IndexAdded       ChangeKind = "index added"
	IndexDropped     ChangeKind = "index dropped"
)

// Change is one difference between the tables of two models. What changes no table (rules, checks, lengths, patterns,
// defaults, docs) is no Change.
type Change struct {
	Kind     ChangeKind
	Table    string // as the new model calls it; the old name of a dropped table
	Field    string // the column, for changes of a field; the old name of a dropped field
	Columns  []string
	Optional bool   // FieldAdded: the field may be missing
	Detail   string // what was and what is: "was text, is int"
	Pos      Pos    // the nearest place in the new model
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

// Diff returns what differs between the tables of old and those of m, in the order of m, dropped ones last.
func Diff(old *Snapshot, m *Model) []Change {
	d := &differ{old: make(map[string]*TableSnapshot), renamed: make(map[string]string)}
	for i := range old.Tables {
		d.old[old.Tables[i].Name] = &old.Tables[i]
	}
	before := maps.Clone(d.old)
	pairs := make(map[*Table]*TableSnapshot)
	for _, t := range m.Tables {
		if was := d.former(t); was != nil {
			pairs[t] = was
			d.renamed[was.Name] = t.Name
			delete(before, was.Name)
		}
	}
	for _, t := range m.Tables {
		d.table(pairs[t], t)
	}
	for _, t := range old.Tables {
		if before[t.Name] != nil {
			d.add(Change{Kind: TableDropped, Table: t.Name, Pos: Pos{mainFile, 1, 1}})
		}
	}
	return d.changes
}

type differ struct {
	old     map[string]*TableSnapshot
	renamed map[string]string // new names of tables by the old ones, of all that live on
	changes []Change
}

func (d *differ) add(c Change) { d.changes = append(d.changes, c) }

// former returns the table that t was: the one of its name, else the one of its former name, else nil.
func (d *differ) former(t *Table) *TableSnapshot {
	if same := d.old[t.Name]; same != nil || t.Was == "" {
		return same
	}
	return d.old[t.Was]
}

func (d *differ) table(was *TableSnapshot, t *Table) {
	if was == nil {
		d.add(Change{Kind: TableAdded, Table: t.Name, Pos: t.Pos})
		return
	}
	if was.Name != t.Name {
		d.add(Change{Kind: TableRenamed, Table: t.Name, Detail: "was " + was.Name, Pos: t.Pos})
	}
	if key := t.Key.String(); was.Key != key {
		d.add(Change{Kind: KeyChanged, Table: t.Name, Detail: wasIs(was.Key, key), Pos: t.Pos})
	}
	names := d.fields(was, t)
	d.indexes(UniqueDropped, UniqueAdded, t, renameAll(was.uniques(), names), t.snapshot().uniques())
	d.indexes(IndexDropped, IndexAdded, t, renameAll(was.indexes(), names), t.snapshot().indexes())
}

// fields compares the fields of a table and returns the new names of those that live on by their old ones.
func (d *differ) fields(was *TableSnapshot, t *Table) (names map[string]string) {
	old := make(map[string]*FieldSnapshot)
	for i := range was.Fields {
		old[was.Fields[i].Name] = &was.Fields[i]
	}
	names = make(map[string]string)
	for _, f := range t.Fields {
		before := old[f.Name]
		if before == nil && f.Was != "" {
			before = old[f.Was]
		}
		if before == nil {
			d.add(Change{Kind: FieldAdded, Table: t.Name, Field: f.Name, Optional: f.Optional, Detail: requiredOr(f.Optional), Pos: f.Pos})
			continue
		}
		names[before.Name] = f.Name
		d.field(before, f)
	}
	for _, f := range was.Fields {
		if names[f.Name] == "" {
			d.add(Change{Kind: FieldDropped, Table: t.Name, Field: f.Name, Pos: t.Pos})
		}
	}
	return names
}

func (d *differ) field(was *FieldSnapshot, f *Field) {
	is := f.snapshot()
	add := func(kind ChangeKind, before, after string) {
		if before != after {
			d.add(Change{Kind: kind, Table: f.Table.Name, Field: f.Name, Detail: wasIs(before, after), Pos: f.Pos})
		}
	}
	add(FieldRenamed, was.Name, is.Name)
	ref := was.Ref
	if now := d.renamed[ref]; now != "" {
		ref = now
	}
	if f.Name != "id" && (ref == "" || ref != is.Ref) { // the type of a key is said once, at its table
		add(TypeChanged, was.Type, is.Type)
	}
	add(ReferenceChanged, refOr(ref), refOr(is.Ref))
	if ref != "" && is.Ref != "" {
		add(OnDeleteChanged, was.OnDelete, is.OnDelete)
	}
	add(OptionalChanged, requiredOr(was.Optional), requiredOr(is.Optional))
	if was.Type == is.Type {
		add(DecimalChanged, was.digits(), is.digits())
		add(ValuesChanged, was.valueSet(), is.valueSet())
	}
}

// indexes compares combinations of columns, whatever their order in the model.
func (d *differ) indexes(dropped, added ChangeKind, t *Table, was, is [][]string) {
	for _, columns := range is {
		if !contains(was, columns) {
			d.add(Change{Kind: added, Table: t.Name, Columns: columns, Pos: t.indexPos(columns)})
		}
	}
	for _, columns := range was {
		if !contains(is, columns) {
			d.add(Change{Kind: dropped, Table: t.Name, Columns: columns, Pos: t.indexPos(columns)})
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

// renameAll gives columns their new names; combinations with a dropped column keep its old one, so they match none.
func renameAll(all [][]string, names map[string]string) [][]string {
	renamed := make([][]string, len(all))
	for i, columns := range all {
		for _, c := range columns {
			if now := names[c]; now != "" {
				c = now
			}
			renamed[i] = append(renamed[i], c)
		}
	}
	return renamed
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

func requiredOr(optional bool) string {
	if optional {
		return "optional"
	}
	return "required"
}
