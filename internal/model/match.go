package model

// Match says what of a model was there in an earlier one, by the same name or by another.
//
// A former name (`was`) counts once: where the earlier model has it at the same name, it has been applied, and means
// nothing more. Until then it goes before the name itself, so that two fields can change places.
type Match struct {
	Old, New *Model

	tables map[*Table]*Table // of New → of Old
	fields map[*Field]*Field
	after  map[*Table]*Table // of Old → of New
	later  map[*Field]*Field
}

// NewMatch matches a model with an earlier one.
func NewMatch(old, m *Model) *Match {
	x := &Match{Old: old, New: m, tables: map[*Table]*Table{}, fields: map[*Field]*Field{},
		after: map[*Table]*Table{}, later: map[*Field]*Field{}}
	for _, t := range m.Tables {
		if was := old.byName[t.Was]; was != nil && !applied(old.byName[t.Name], t.Was) {
			x.pair(was, t)
		}
	}
	for _, t := range m.Tables {
		if was := old.byName[t.Name]; was != nil && x.tables[t] == nil && x.after[was] == nil {
			x.pair(was, t)
		}
	}
	for _, t := range m.Tables {
		if was := x.tables[t]; was != nil {
			x.matchFields(was, t)
		}
	}
	return x
}

// applied says whether the earlier table of this name became it from the same former name.
func applied(same *Table, was string) bool { return same != nil && same.Was == was }

func (x *Match) pair(was, t *Table) { x.tables[t], x.after[was] = was, t }

func (x *Match) matchFields(was, t *Table) {
	pair := func(before, f *Field) { x.fields[f], x.later[before] = before, f }
	for _, f := range t.Fields {
		if before, same := was.fields[f.Was], was.fields[f.Name]; before != nil && !(same != nil && same.Was == f.Was) {
			pair(before, f)
		}
	}
	for _, f := range t.Fields {
		if before := was.fields[f.Name]; before != nil && x.fields[f] == nil && x.later[before] == nil {
			pair(before, f)
		}
	}
}

// Was returns what the table of the new model was in the old one, nil where it is new.
func (x *Match) Was(t *Table) *Table { return x.tables[t] }

// Is returns what has become of the table of the old model, nil where it is dropped.
func (x *Match) Is(t *Table) *Table { return x.after[t] }

// FieldWas returns what the field of the new model was in the old one, nil where it is new.
func (x *Match) FieldWas(f *Field) *Field { return x.fields[f] }

// FieldIs returns what has become of the field of the old model, nil where it is dropped.
func (x *Match) FieldIs(f *Field) *Field { return x.later[f] }

// ValueWas returns the name that a value of an enum had in the earlier field, "" where the value is new.
func ValueWas(before *Field, v EnumValue) string {
	switch {
	case before.hasValue(v.Name):
		return v.Name
	case before.hasValue(v.Was):
		return v.Was
	}
	return ""
}
