package model

import "slices"

// MaxIndexedText is the largest number of characters of a text that is a key, unique or indexed. Several texts of one
// index share the bytes of its rows (IndexRoom).
const MaxIndexedText = 600

// MaxIndexRow is the largest number of bytes of a row of an index: the limit of PostgreSQL's B-tree on pages of 8
// KiB. PostgreSQL refuses a longer one only at the write of the row.
const MaxIndexRow = 2704

const (
	rowHeader  = 16 // header of an index row, with the bits of missing values
	textHeader = 7  // length and alignment of a text
	plainWidth = 16 // any other value, aligned: a uuid, or a decimal of 18 digits
)

// IndexRoom returns the texts and enums among the fields of an index. bytes is the room for all their values in one row.
func IndexRoom(fields []*Field) (texts []*Field, bytes int) {
	bytes = MaxIndexRow - rowHeader
	for _, field := range fields {
		if field.Type != Text && field.Type != Enum {
			bytes -= plainWidth
			continue
		}
		texts = append(texts, field)
		bytes -= textHeader
	}
	return texts, bytes
}

// Indexed reports whether the field has an index of its own that is not unique. It has one if it declares one, and if
// it is a reference. Deleting a row looks for the rows that refer to it, and a relation back lists them in the order
// of their ids. A reference without a relation back uses any index that starts with it: a second one made a create 18
// % slower.
func (f *Field) Indexed() bool {
	switch {
	case f.Unique:
		return false
	case f.Index, f.Reverse() != nil:
		return true
	}
	starts := func(fields []*Field) bool { return fields[0].Name == f.Name }
	return f.Ref != nil && !slices.ContainsFunc(f.Table.Unique, starts) && !slices.ContainsFunc(f.Table.Indexes, starts)
}

// InIndex reports whether the field is part of any index.
func (f *Field) InIndex() bool {
	in := func(fields []*Field) bool { return slices.Contains(fields, f) }
	return f.Name == "id" || f.Ref != nil || f.RefName != "" || f.Unique || f.Index ||
		slices.ContainsFunc(f.Table.Unique, in) || slices.ContainsFunc(f.Table.Indexes, in)
}

// UniqueFields returns every unique combination of fields once: first single fields, then the combinations declared
// by the table.
func (t *Table) UniqueFields() [][]*Field {
	return t.combinations(func(field *Field) bool { return field.Unique }, t.Unique)
}

// IndexedFields returns every combination of fields with an index that is not unique, each once: first single fields,
// then the combinations declared by the table.
func (t *Table) IndexedFields() [][]*Field {
	return t.combinations((*Field).Indexed, t.Indexes)
}

func (t *Table) combinations(alone func(*Field) bool, declared [][]*Field) [][]*Field {
	var all [][]*Field
	for _, field := range t.Fields {
		if alone(field) {
			all = append(all, []*Field{field})
		}
	}
	for _, fields := range declared { // a table may declare a reference's own index
		if !slices.ContainsFunc(all, func(other []*Field) bool { return slices.Equal(other, fields) }) {
			all = append(all, fields)
		}
	}
	return all
}
